/** `$NAME`, `${NAME}`, `$1` and so on; what is left of a `${` without an end is dropped, as Go's os.Expand does. */
const REFERENCE = /\$(?:\{([*#$@!?\-0-9])\}|\{([^}]*)\}|(\{)|([*#$@!?\-0-9])|([A-Za-z_][A-Za-z0-9_]*))/g

/**
 * Puts the values of the build environment where a text names them, as Argo CD does it in paths of values files,
 * parameters, images, labels and annotations: `$$` is a `$`, a name that nobody knows is nothing.
 *
 * @see Argo CD, "Build environment"; Go's os.Expand
 */
export function substituteNames(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replace(
    REFERENCE,
    (_, special?: string, braced?: string, open?: string, sign?: string, name?: string) => {
      if (open !== undefined) return ''
      const found = special ?? braced ?? sign ?? name ?? ''
      if (found === '$') return '$'
      return Object.hasOwn(environment, found) ? (environment[found] ?? '') : ''
    },
  )
}
