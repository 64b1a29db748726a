// What event `n` says: what has to survive the way through an SDK, HTTP and the daemon.
export const content = (n) => ({
  n,
  text: `\u00e4 "quoted" \\ \n\t \u{1f600} ${n}`,
  price: n / 4,
  nested: { list: [n, null, true, {}], empty: '' },
})
