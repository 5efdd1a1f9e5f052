# Three images: `edge` has nginx, `service` has Python, `migrate` has Sqitch, and none has what another
# needs: what faces the network does not carry a superuser's tools. Files that change rarely are copied
# first, so that new code reinstalls no package. A fourth, `standalone`, has everything, for tests.
#
# Docker's classic builder can build it too: there is no BuildKit syntax.

FROM debian:trixie-slim AS base
# A fixed number, because a volume or a policy may have to name this user.
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin wallet
WORKDIR /app


FROM base AS packages
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/* \
 && python3 -m venv /venv
COPY requirements/service.txt requirements/
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
      -r requirements/service.txt


FROM base AS service
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=packages /venv /venv
ENV PATH=/venv/bin:$PATH
COPY service/ service/
USER 10001:10001
EXPOSE 8000
# The exec form: Python is process 1 and gets the SIGTERM of `docker stop`.
CMD ["python", "-m", "service"]


FROM base AS migrate
RUN apt-get update \
 && apt-get install -y --no-install-recommends sqitch libdbd-pg-perl postgresql-client \
 && rm -rf /var/lib/apt/lists/*
# Sqitch records this as the deployer. The default is the host's name, new in each container.
ENV SQITCH_FULLNAME=pgwallet SQITCH_EMAIL=migrate@pgwallet.invalid
COPY sqitch.conf sqitch.plan ./
# deploy/functions/ links into sql/functions/.
COPY sql/functions/ sql/functions/
COPY deploy/ deploy/
COPY revert/ revert/
COPY verify/ verify/
USER 10001:10001
CMD ["sqitch", "deploy"]


FROM base AS edge
RUN apt-get update \
 && apt-get install -y --no-install-recommends nginx libnginx-mod-http-lua openssl \
 && rm -rf /var/lib/apt/lists/*
# A new volume takes its owner from here.
RUN mkdir /tls /bodies && chown 10001:10001 /tls /bodies
COPY edge/ /etc/pgwallet/
USER 10001:10001
EXPOSE 8443
STOPSIGNAL SIGQUIT
CMD ["/etc/pgwallet/start"]


# PostgreSQL, the ledger and the service in one container, for tests and trials: its passwords are
# known, and it does not wait for the disk. The ledger is deployed here, so that it starts at once.
FROM postgres:18 AS ledger
RUN apt-get update \
 && apt-get install -y --no-install-recommends sqitch libdbd-pg-perl \
 && rm -rf /var/lib/apt/lists/*
COPY --from=migrate /app /app
COPY standalone/reset.sql /usr/local/share/
COPY standalone/make-ledger /usr/local/bin/
ENV PGDATA=/ledger/data
RUN install -d -o postgres -g postgres /ledger \
 && setpriv --reuid=postgres --regid=postgres --clear-groups make-ledger


FROM postgres:18 AS standalone
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
# Made on the same Debian, so they fit this Python.
COPY --from=packages /venv /venv
# Not below /var/lib/postgresql, which is a volume: its files would be copied at each start.
ENV PATH=/venv/bin:$PATH PGDATA=/ledger/data \
    WALLET_DATABASE_URL=postgresql://wallet_app:wallet_app@127.0.0.1/wallet \
    WALLET_HOST=0.0.0.0 WALLET_AUTH=off
COPY --from=ledger --chown=postgres:postgres /ledger /ledger
COPY service/ service/
# Here, since its user may write nothing.
RUN python -m compileall -q service
COPY standalone/serve /usr/local/bin/
USER postgres
EXPOSE 8000 5432
STOPSIGNAL SIGTERM
ENTRYPOINT ["serve"]
