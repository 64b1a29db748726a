import { CloudEvent, HTTP, Mode, emitterFor, httpTransport } from 'cloudevents'
import { content } from './content.js'

const [host, count, mode] = [process.argv[2], Number(process.argv[3]), process.argv[4]]
const url = `${host}/v1/cloudevents`
// How many requests are under way at a time, and how many events a batch has.
const [LANES, BATCH] = [8, 100]

const event = (n) => new CloudEvent({
  id: `${n}`,
  source: '/clients/cloudevents',
  type: 'com.example.bought',
  subject: `item ${n}`,
  partition: n % 10,
  data: content(n),
})

const emit = emitterFor(httpTransport(url), { mode: mode === 'binary' ? Mode.BINARY : Mode.STRUCTURED })
const accepted = (body, events) => {
  if (JSON.parse(body).accepted !== events) throw new Error(`expected ${events} accepted, heard ${body}`)
}
const single = async (n) => accepted((await emit(event(n))).body, 1)
// The SDK reads batches, but has no emitter for them.
const batch = async (n) => {
  const events = Array.from({ length: Math.min(BATCH, count - n) }, (_, i) => event(n + i))
  const body = `[${events.map((event) => HTTP.structured(event).body).join(',')}]`
  const headers = { 'content-type': 'application/cloudevents-batch+json; charset=utf-8' }
  accepted(await (await fetch(url, { method: 'POST', headers, body })).text(), events.length)
}

const [send, step] = mode === 'batched' ? [batch, BATCH] : [single, 1]
let next = 0
const lane = async () => {
  while (next < count) {
    const n = next
    next += step
    await send(n)
  }
}
await Promise.all(Array.from({ length: LANES }, lane))
