# The image of every program of lockkeeper: docker build --tag lockkeeper .
ARG NODE_VERSION=20

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY webhook webhook
COPY controller controller
COPY doctor doctor
COPY plugin plugin
RUN npm run build && find dist -name '*.tsbuildinfo' -delete

FROM node:${NODE_VERSION}-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:${NODE_VERSION}-bookworm-slim
LABEL org.opencontainers.image.title="lockkeeper" \
  org.opencontainers.image.description="Two gates and one keeper for Kubernetes" \
  org.opencontainers.image.licenses="Apache-2.0"
# Nothing is installed at run time.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-* \
  /usr/local/bin/yarn /usr/local/bin/yarnpkg
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY policies/bundle policies/bundle
COPY package.json LICENSE ./
# argocd-cmp-server runs it by this name.
RUN printf '#!/bin/sh\nexec node /app/dist/src/cli/main.js "$@"\n' > /usr/local/bin/lockkeeper && chmod 0755 /usr/local/bin/lockkeeper
ENV NODE_ENV=production
# A number: Kubernetes cannot see that a name is not root.
USER 65532:65532
EXPOSE 8443 8081
# The main thread moves bytes and keeps little: a small young generation spares it 30 MiB. Further options of Node come
# in NODE_OPTIONS.
ENTRYPOINT ["node", "--max-semi-space-size=4", "dist/src/cli/main.js"]
