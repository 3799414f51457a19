/**
 * The uploads that are in the list of any tab of this browser, running or to be continued there.
 *
 * Tabs ask each other. Locks of the browser would do, but exist only on hosts with TLS.
 */

const NAME = 'tessera.uploads'
const WAIT_MS = 400 // tabs in the background answer a little later

interface Message {
  kind: 'ask' | 'open'
  ids: string[]
}

export class OpenUploads {
  /** A set for each question that is open: what was answered since it was asked. */
  private readonly asked = new Set<Set<string>>()
  private readonly channel =
    typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(NAME)

  /** `own`: ids of the uploads in the list of this tab. */
  constructor(private readonly own: () => string[]) {
    this.channel?.addEventListener('message', ({ data }: MessageEvent<Message>) => {
      if (data.kind === 'open') for (const ids of this.asked) for (const id of data.ids) ids.add(id)
      else if (own().length > 0) this.send({ kind: 'open', ids: own() })
    })
  }

  /** The ids of those in all tabs. */
  async ofAllTabs(waitMs: number = WAIT_MS): Promise<Set<string>> {
    const heard = new Set<string>()
    this.asked.add(heard)
    this.send({ kind: 'ask', ids: [] })
    if (this.channel !== null) await new Promise((done) => setTimeout(done, waitMs))
    this.asked.delete(heard)
    return new Set([...this.own(), ...heard])
  }

  close(): void {
    this.channel?.close()
  }

  private send(message: Message): void {
    this.channel?.postMessage(message)
  }
}
