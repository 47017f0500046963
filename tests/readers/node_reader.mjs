// Reads a feed with a package of npm: node_reader.mjs FOLDER PACKAGE URL.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [folder, name, url] = process.argv.slice(2)
const require = createRequire(pathToFileURL(folder + '/'))
const seconds = (date) => (date ? Math.floor(Date.parse(date) / 1000) : null)

const read = {
  'rss-parser': async () => {
    const Parser = require('rss-parser')
    const feed = await new Parser().parseURL(url)
    return feed.items.map((item) => ({ id: item.guid ?? item.id, title: item.title, date: seconds(item.isoDate) }))
  },
  '@extractus/feed-extractor': async () => {
    const { extract } = require('@extractus/feed-extractor')
    const feed = await extract(url)
    return feed.entries.map((item) => ({ id: item.id, title: item.title, date: seconds(item.published) }))
  },
}

console.log(JSON.stringify(await read[name]()))
