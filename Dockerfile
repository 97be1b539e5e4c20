# The search service on CPUs: docker build -t teachtext .
# See docs/how-to/containers.md. Nobody has built or run this file yet: it is checked by hadolint and by a test.
FROM python:3.11.13-slim-bookworm AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY constraints.txt ./
# the build of torch for CPUs; the one on PyPI brings gigabytes of CUDA
RUN python -m venv /opt/teachtext \
    && TORCH="$(grep '^torch==' constraints.txt)" \
    && /opt/teachtext/bin/pip install --index-url https://download.pytorch.org/whl/cpu "$TORCH"
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
# an exact release of each package, as the tests use them
RUN /opt/teachtext/bin/pip install -c constraints.txt '.[serve,milvus,mcp]'

FROM python:3.11.13-slim-bookworm
RUN useradd --system --uid 10001 --create-home --home-dir /data teachtext \
    && mkdir /videos \
    && chown teachtext:teachtext /data
COPY --from=packages /opt/teachtext /opt/teachtext
ENV PATH=/opt/teachtext/bin:$PATH \
    OMP_NUM_THREADS=1 \
    PYTHONUNBUFFERED=1
USER 10001
# the index and what is derived stand in /data; videos are only read
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8000
# liveness wants no token
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/api/health/live', timeout=4)"]
ENTRYPOINT ["teachtext"]
CMD ["serve", "--index", "/data/teachtext-index", "--host", "0.0.0.0", "--port", "8000", "--token-file", "/run/secrets/teachtext_token"]
