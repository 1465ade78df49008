// One chunk a language: a page needs one request for its words.
const files = import.meta.glob<Record<string, string>>('./es/*.json', { eager: true, import: 'default' });

export default Object.assign({}, ...Object.values(files)) as Record<string, string>;
