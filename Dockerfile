# One image for collector, worker, Prefect server, mail catcher and key maker: the locked environment, kernels compiled,
# and nothing to build with. docs/deployment.md says how large it is and how it was built.

ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm
FROM ${PYTHON_IMAGE} AS base
# numba calls kernels from several threads through OpenMP; without this library it takes a layer that may not be.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 openssl \
    && rm -rf /var/lib/apt/lists/*

FROM base AS environment
# Another index is given by these; they stay in this stage, which is never part of the image.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
RUN python -m venv /opt/odograph
ENV PATH=/opt/odograph/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
# The environment changes seldom and the project often: two layers.
COPY deploy/requirements.lock ./
RUN pip install --quiet --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY flows flows
COPY ingest ingest
COPY kernels kernels
COPY warehouse warehouse
RUN pip install --quiet --no-index --no-deps --no-build-isolation . \
    && pip uninstall --quiet --yes pip
# Compiled code lies beside its modules, where a process that may write nowhere finds it. It is for this processor;
# another one compiles once more, into /var/cache/odograph. Not from /build, where the sources would be taken.
WORKDIR /
RUN python -m flows.warming

FROM base
LABEL org.opencontainers.image.title="Odograph" org.opencontainers.image.licenses="Apache-2.0"
# State belongs to this user. A named volume takes owner and mode of the folder it is mounted on first.
RUN groupadd --gid 10001 odograph \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/cache/odograph odograph \
    && install --directory --owner odograph --group odograph --mode 0750 \
        /data /mail /store /var/cache/odograph \
        /keys /keys/authority /keys/broker /keys/collector /keys/simulator /keys/database /keys/store
COPY --from=environment /opt/odograph /opt/odograph
COPY deploy/keys.sh deploy/certificates.cnf /opt/odograph/share/odograph/
# What is kept in /var/cache/odograph (fonts, kernels of another processor) may be lost at any time.
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
USER 10001:10001
WORKDIR /data
CMD ["odograph", "--help"]
