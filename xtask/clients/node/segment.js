import { Analytics } from '@segment/analytics-node'
import { content } from './content.js'

const [host, count] = [process.argv[2], Number(process.argv[3])]
const analytics = new Analytics({ writeKey: 'write-key', host, flushAt: 100, flushInterval: 500 })
let failed
analytics.on('error', (error) => { failed ??= error })

const calls = ['track', 'identify', 'page', 'screen', 'group']
for (let n = 0; n < count; n++) {
  const call = calls[n % calls.length]
  const said = call === 'identify' || call === 'group' ? { traits: content(n) } : { properties: content(n) }
  const named = { track: { event: 'Bought' }, page: { name: 'p' }, screen: { name: 's' }, group: { groupId: 'g' } }
  analytics[call]({ userId: `u${n % 100}`, ...named[call], ...said })
}
await analytics.closeAndFlush({ timeout: 120_000 })
if (failed) throw new Error('an event was given up', { cause: failed })
