/** The names and addresses that a server may be called by: those of its Service, and the host of the URL when it is called by one. */
export function servedHosts(options: {
  readonly service: string
  readonly namespace: string
  readonly url?: string
}): readonly string[] {
  const { service, namespace, url } = options
  const hosts = [
    `${service}.${namespace}.svc`,
    `${service}.${namespace}.svc.cluster.local`,
    `${service}.${namespace}`,
    // An IPv6 address stands in brackets in a URL, and in no certificate.
    ...(url === undefined ? [] : [new URL(url).hostname.replaceAll(/[[\]]/g, '')]),
  ]
  return [...new Set(hosts)]
}
