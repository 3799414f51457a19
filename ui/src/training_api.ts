/** Calls of the gateway about trainings, and the stream of one. */

import { address, get, post } from './requests'
import type { Training, TrainingPage, TrainingPreview } from './schemas'
import { settled } from './trainings'

const AGAIN_MS = 5000 // the gateway refused the stream

export const preview = (model: string): Promise<TrainingPreview> =>
  get(`trainings/preview?${new URLSearchParams({ model })}`)
export const trainings = (): Promise<TrainingPage> => get('trainings?limit=20')
export const start = (model: string): Promise<Training> => post('trainings', { model })
export const cancel = (id: string): Promise<Training> => post(`trainings/${id}/cancel`)
export const retry = (id: string): Promise<Training> => post(`trainings/${id}/retry`)
export const publish = (id: string): Promise<Training> => post(`trainings/${id}/publish`)

/** Calls `onChange` at each change of the training until it is settled; the result stops that. */
export function follow(id: string, onChange: (training: Training) => void): () => void {
  let timer = 0
  let source: EventSource
  const connect = (): void => {
    source = new EventSource(address(`trainings/${id}/events`))
    source.addEventListener('training', (event: MessageEvent<string>) => {
      const training = JSON.parse(event.data) as Training
      if (settled(training)) source.close()
      onChange(training)
    })
    source.addEventListener('error', () => {
      if (source.readyState === EventSource.CLOSED) timer = window.setTimeout(connect, AGAIN_MS)
    })
  }
  connect()
  return () => {
    clearTimeout(timer)
    source.close()
  }
}
