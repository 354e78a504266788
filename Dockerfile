# The app in one process: docker build --tag gradviz . && docker run --publish 8501:8501 gradviz
# With several of them behind nginx: compose.yaml.

FROM python:3.11-slim AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

FROM python:3.11-slim
# First what changes rarely. PyPI's PyTorch for x86_64 would bring about 3 GB of CUDA libraries.
COPY requirements.txt .
RUN pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu \
        "$(grep '^torch==' requirements.txt)" \
    && grep --invert-match '^pytest' requirements.txt > app.txt \
    && pip install --no-cache-dir --requirement app.txt \
    && rm app.txt requirements.txt
COPY --from=wheel /wheel /wheel
RUN pip install --no-cache-dir "$(ls /wheel/*.whl)[app]" && rm -r /wheel

# Not root; its home takes the little that Streamlit writes, /runs what visitors train.
RUN useradd --create-home gradviz && install --directory --owner gradviz /runs
USER gradviz
WORKDIR /home/gradviz
VOLUME /runs

# With an address of its own Streamlit asks nobody for one when it starts. Without the threshold
# the runs that are kept fragment the heap.
ENV GRADVIZ_STORE=/runs \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_SERVER_PORT=8501 \
    STREAMLIT_SERVER_FILE_WATCHER_TYPE=none \
    STREAMLIT_BROWSER_SERVER_ADDRESS=localhost \
    MALLOC_MMAP_THRESHOLD_=65536
EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-c", "from os import environ as own; from urllib.request import urlopen; urlopen('http://127.0.0.1:' + own['STREAMLIT_SERVER_PORT'] + own.get('STREAMLIT_SERVER_BASE_URL_PATH', '') + '/_stcore/health', timeout=4)"]
CMD ["gradviz", "app"]
