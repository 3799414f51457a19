/**
 * Types of the gateway's bodies, made from its OpenAPI description: standard input to standard
 * output. `scripts/api-types` calls it.
 */

import { text } from 'node:stream/consumers'
import { compile } from 'json-schema-to-typescript'

const HEAD =
  '/** Made by scripts/api-types from the OpenAPI description of the gateway; not edited. */'

/** Without titles of members and what stands beside a reference: both would become types. */
function untitled(node) {
  if (Array.isArray(node)) return node.map(untitled)
  if (node === null || typeof node !== 'object') return node
  if ('$ref' in node) return { $ref: node.$ref }
  const kept = Object.entries(node).filter(
    ([key, value]) => key !== 'title' || typeof value !== 'string',
  )
  return Object.fromEntries(kept.map(([key, value]) => [key, untitled(value)]))
}

const description = await text(process.stdin)
const { components } = JSON.parse(description.replaceAll('#/components/schemas/', '#/definitions/'))
const definitions = untitled(components.schemas)
const names = Object.keys(definitions)
const everything = {
  type: 'object',
  description: 'Every body by its name.',
  properties: Object.fromEntries(names.map((name) => [name, { $ref: `#/definitions/${name}` }])),
  required: names,
  definitions,
}
process.stdout.write(
  await compile(everything, 'Bodies', {
    additionalProperties: false,
    bannerComment: HEAD,
    ignoreMinAndMaxItems: true,
    style: { singleQuote: true, semi: false, printWidth: 100 },
  }),
)
