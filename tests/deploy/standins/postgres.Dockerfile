# Answers for postgres:17 where no registry of images can be reached: the same words, Debian's PostgreSQL.
FROM python:3.13-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql && rm -rf /var/lib/apt/lists/* \
 && mkdir -p /var/lib/postgresql/data && chown postgres /var/lib/postgresql/data \
 && ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/ || true
COPY postgres-start /usr/local/bin/postgres-start
USER postgres
CMD ["bash", "/usr/local/bin/postgres-start"]
