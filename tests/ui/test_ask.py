"""What is asked is HTML: symbols have their index below the line, and nothing else is markup."""

from gradviz.ui.ask import symbols


def test_an_index_stands_below_the_line_and_all_else_is_plain_text():
    assert symbols("σ_w = 2") == "<i>σ</i><sub>w</sub> = 2"
    assert symbols("f_4 < w_2") == "<i>f</i><sub>4</sub> &lt; <i>w</i><sub>2</sub>"
    assert symbols("weight_gradient, <b>, E[φ′²]") == "weight_gradient, &lt;b&gt;, E[φ′²]"
    assert symbols("权重尺度 σ_w 取多少") == "权重尺度 <i>σ</i><sub>w</sub> 取多少"
