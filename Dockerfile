# The service in a container: no root, nothing writable but the workspace and /tmp. compose.yaml says how it is run.
# To build on the very same base each time name it by its digest: docs/serving.md has the command that finds it.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE} AS build
# pip reads this: name PyTorch's wheels for CPUs here, or it takes the ordinary ones, which bring gigabytes of CUDA
ARG PIP_EXTRA_INDEX_URL=
WORKDIR /build
RUN python -m venv /opt/reverie
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
RUN /opt/reverie/bin/pip install --no-cache-dir -c constraints.txt ".[postgres,objects,formats]"

FROM ${BASE}
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin reverie \
    && install -d -o reverie -g reverie /workspace
COPY --from=build /opt/reverie /opt/reverie
ENV PATH=/opt/reverie/bin:$PATH \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /workspace
VOLUME /workspace
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# other machines reach it, so callers need keys: the server does not start without them
CMD ["reverie", "serve", "--host", "0.0.0.0", "--port", "8000", "--workspace", "/workspace", "--keys", "/run/secrets/reverie_keys"]
