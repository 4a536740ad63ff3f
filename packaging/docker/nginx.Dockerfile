# In the place of the official image of nginx: the same paths, templates and entry point; logs go to the standard streams.
#   docker build -f packaging/docker/nginx.Dockerfile -t ngxc-nginx .
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends cmake g++ make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cargo build --locked --profile dist --bin ngxc

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates gettext-base \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 101 nginx \
    && useradd --system --gid nginx --uid 101 --no-create-home --home-dir /nonexistent --shell /bin/false nginx \
    && mkdir -p /etc/nginx/conf.d /etc/nginx/templates /docker-entrypoint.d /var/log/nginx /var/cache/nginx /usr/share/nginx/html \
    && ln -sf /dev/stdout /var/log/nginx/access.log \
    && ln -sf /dev/stderr /var/log/nginx/error.log
COPY --from=build /source/target/dist/ngxc /usr/bin/ngxc
# Called `nginx`, the program takes nginx's command line.
RUN ln -s ngxc /usr/bin/nginx && ln -s ../bin/ngxc /usr/sbin/nginx
COPY grammar/shipped/ /etc/nginx/
COPY packaging/docker/nginx.conf /etc/nginx/nginx.conf
COPY packaging/docker/default.conf /etc/nginx/conf.d/default.conf
COPY --chmod=755 packaging/docker/entrypoint /docker-entrypoint.sh
EXPOSE 80
STOPSIGNAL SIGQUIT
ENTRYPOINT ["/docker-entrypoint.sh"]
CMD ["nginx", "-g", "daemon off;"]
