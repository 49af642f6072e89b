import { safeText } from '../safe-text.js'

/** A piece of a page in which everything that came from elsewhere is escaped. */
export class Html {
  readonly text: string

  private constructor(text: string) {
    this.text = text
  }

  /** For what this program itself has written as a whole. */
  static written(text: string): Html {
    return new Html(text)
  }
}

type Part = string | number | Html | readonly Html[]

/**
 * A page's pieces as a template: text between the pieces is escaped, for elements and for quoted attributes alike, and
 * control characters are written out; only what is `Html` stays as it is.
 */
export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return Html.written(
    strings.map((text, index) => (index === 0 ? text : `${partText(parts[index - 1] ?? '')}${text}`)).join(''),
  )
}

function partText(part: Part): string {
  if (part instanceof Html) return part.text
  if (typeof part === 'string') return escape(part)
  return typeof part === 'number' ? String(part) : part.map(each => each.text).join('')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escape(text: string): string {
  return text
    .split('\n')
    .map(line => safeText(line.replaceAll('\t', '  ')))
    .join('\n')
    .replace(/[&<>"']/g, character => ENTITIES[character] ?? '')
}
