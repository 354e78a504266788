"""nginx as compose.yaml starts it, by hand: in front of servers of this machine, without root.

Without nginx the tests that need it are skipped with that reason; where GRADVIZ_REQUIRE_NGINX is
set they fail instead.
"""

import contextlib
import os
import re
import shutil
import subprocess
import time
import urllib.request

import pytest
from app_server import ROOT, free_port

TEMPLATE = ROOT / "deploy" / "nginx.conf.template"

# Names under which a browser sees this machine, and what tells Chromium so. The certificate is
# nobody's.
APP, COURSE = "learn.example.edu", "course.example.org"
ARGUMENTS = (
    f"--host-resolver-rules=MAP {APP} 127.0.0.1, MAP {COURSE} 127.0.0.1",
    "--ignore-certificate-errors",
)

# What the image's own nginx.conf does around ours; before it a proxy that ends TLS, which also has
# a page of another site.
AROUND = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/gradviz.conf;
    server {{
        listen {tls_port} ssl;
        ssl_certificate {folder}/certificate.pem;
        ssl_certificate_key {folder}/key.pem;
        location / {{
            proxy_pass http://127.0.0.1:{port};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $gradviz_connection;
            proxy_set_header X-Forwarded-Proto https;
        }}
        location = /course {{
            default_type text/html;
            alias {folder}/course.html;
        }}
    }}
}}
"""


def required(program):
    """Where `program` is; without it the calling test skips, or fails where it is required."""
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is None:
        message = f"no {program} on this machine"
        if os.environ.get("GRADVIZ_REQUIRE_NGINX"):
            pytest.fail(message)
        pytest.skip(message)
    return found


def filled(template, variables):
    """`template` as the nginx image fills it in: the variables that there are, and no other."""
    return re.sub(r"\$\{(\w+)\}", lambda found: variables.get(found[1], found[0]), template)


class Nginx:
    """A running nginx at `address`, and the proxy before it at `tls_address`.

    To a browser with the `ARGUMENTS` the latter is `public_address`, and what is written to
    `course` is a page at `course_address`, of another site.
    """

    def __init__(self, folder, servers, path, framed_by=""):
        port, tls_port = free_port(), free_port()
        variables = {
            "GRADVIZ_PATH": path,
            "GRADVIZ_PORT": str(port),
            "GRADVIZ_CACHE": str(folder / "cache"),
            "GRADVIZ_SERVERS": " ".join(f"server 127.0.0.1:{own.port};" for own in servers),
            "GRADVIZ_FRAMED_BY": framed_by,
        }
        ours = filled(TEMPLATE.read_text(encoding="utf-8"), variables)
        (folder / "gradviz.conf").write_text(ours, encoding="utf-8")
        around = AROUND.format(
            folder=folder,
            port=port,
            tls_port=tls_port,
            # Root's workers would be nobody, who may not write to a folder of the tests.
            user="user root;" if os.geteuid() == 0 else "",
        )
        (folder / "nginx.conf").write_text(around, encoding="utf-8")
        make_certificate(folder)
        self.address = f"http://127.0.0.1:{port}{path}"
        self.tls_address = f"https://127.0.0.1:{tls_port}{path}"
        self.cache = folder / "cache"
        self.course = folder / "course.html"
        self.public_address = f"https://{APP}:{tls_port}{path}"
        self.course_address = f"https://{COURSE}:{tls_port}/course"
        self.process = subprocess.Popen(
            [required("nginx"), "-p", folder, "-e", "stderr", "-c", folder / "nginx.conf"],
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until_it_answers(self):
        for _ in range(100):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=2).close()
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise TimeoutError(f"no answer from nginx: {self.stop()}")

    def stop(self):
        """Stop it; returns what it complained of."""
        self.process.terminate()
        return self.process.communicate(timeout=10)[1]


def make_certificate(folder):
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=127.0.0.1", "-days", "2"]
    files = ["-keyout", folder / "key.pem", "-out", folder / "certificate.pem"]
    command = [required("openssl"), "req", "-x509", *kind, *names, *files]
    subprocess.run(command, check=True, capture_output=True)


@contextlib.contextmanager
def running_nginx(folder, servers, path, framed_by=""):
    """nginx in front of `servers`, that answers below `path`; it is stopped at the end."""
    nginx = Nginx(folder, servers, path, framed_by)
    try:
        nginx.wait_until_it_answers()
        yield nginx
    finally:
        nginx.stop()
