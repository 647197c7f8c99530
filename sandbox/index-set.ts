/** Adds to the set under a key, which comes to be with its first value. */
export const addTo = <K, V>(index: Map<K, Set<V>>, key: K, value: V): void => {
  const values = index.get(key)
  if (values) values.add(value)
  else index.set(key, new Set([value]))
}
