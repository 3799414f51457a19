/**
 * 32 random hexadecimal digits. `crypto.randomUUID` exists only on secure origins, and a hospital's
 * host may have no TLS.
 */
export function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
}
