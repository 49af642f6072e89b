const ALPHANUMERIC = '[a-z0-9]+'
const PATH_COMPONENT = `${ALPHANUMERIC}(?:(?:\\.|__?|-+)${ALPHANUMERIC})*`
const HOST_LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?'
const HOST = `(?:${HOST_LABEL}(?:\\.${HOST_LABEL})*|\\[[a-fA-F0-9:]+\\])`
const DOMAIN = new RegExp(`^${HOST}(?::[0-9]+)?$`)
const PATH = new RegExp(`^${PATH_COMPONENT}(?:/${PATH_COMPONENT})*$`)
const TAG = /^\w[\w.-]{0,127}$/
const DIGEST = /^(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$/
const MAX_PATH = 255
/** Without tag and digest this would be an image id. */
const IMAGE_ID = /^[a-f0-9]{64}$/

/**
 * The tag that decides about an image's pull policy: the one it names, 'latest' when it names neither tag nor digest, '' for a digest alone
 * and for what is not an image reference (the API server ignores the mistake there).
 *
 * @see github.com/distribution/reference, the grammar of a reference
 */
export function imageTag(image: string): string {
  if (IMAGE_ID.test(image)) return ''
  const at = image.indexOf('@')
  const digest = at < 0 ? null : image.slice(at + 1)
  const named = at < 0 ? image : image.slice(0, at)
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1)
  const tag = colon < 0 ? null : named.slice(colon + 1)
  const name = colon < 0 ? named : named.slice(0, colon)
  if (!isName(name) || (tag !== null && !TAG.test(tag)) || (digest !== null && !DIGEST.test(digest))) return ''
  return tag ?? (digest === null ? 'latest' : '')
}

function isName(name: string): boolean {
  const slash = name.indexOf('/')
  const first = name.slice(0, slash)
  const looksLikeDomain = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase()
  // What cannot be a host may still be a path: `a_b.c/image`.
  const path = slash >= 0 && looksLikeDomain && DOMAIN.test(first) ? name.slice(slash + 1) : name
  // Docker Hub's own images are counted with the name of their owner.
  const onHub = slash < 0 || first === 'docker.io' || first === 'index.docker.io'
  const length = path.length + (onHub && !path.includes('/') ? 'library/'.length : 0)
  return length <= MAX_PATH && PATH.test(path)
}
