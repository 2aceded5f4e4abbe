# One image for collector, flows, Prefect server and mail catcher: the locked environment, and nothing to build with.

FROM python:3.11-slim AS environment
RUN python -m venv /opt/odograph
ENV PATH=/opt/odograph/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
# The environment changes seldom and the project often: two layers.
COPY requirements.lock ./
RUN pip install --require-hashes --requirement requirements.lock
COPY . ./
RUN pip install --no-index --no-deps --no-build-isolation .

FROM python:3.11-slim
# numba calls kernels from several threads through OpenMP; without this library it takes a layer that may not be.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
# State belongs to this user. A named volume takes owner and content of the folder it is mounted on first.
RUN groupadd --gid 10001 odograph \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/cache/odograph odograph \
    && install --directory --owner odograph --group odograph --mode 0750 \
        /data /mail /var/lib/prefect /var/cache/odograph
COPY --from=environment /opt/odograph /opt/odograph
# Compiled kernels and fonts are kept in /var/cache/odograph; it may be lost at any time.
ENV PATH=/opt/odograph/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/var/cache/odograph \
    NUMBA_CACHE_DIR=/var/cache/odograph/numba \
    NUMBA_THREADING_LAYER=omp \
    MPLCONFIGDIR=/var/cache/odograph/matplotlib \
    ODOGRAPH_DATA_DIR=/data \
    PREFECT_HOME=/tmp/prefect \
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE=false \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1
USER odograph
WORKDIR /data
CMD ["odograph", "--help"]
