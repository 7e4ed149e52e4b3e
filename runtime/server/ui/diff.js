// The lines that differ between two specs, as `diff -u` shows them.

const CONTEXT = 3;
/** More pairs of lines than this are not compared one by one. */
const PAIRS_MAX = 4_000_000;

/** @param {string} before @param {string} after @returns {string} empty if they are the same */
export function unified(before, after) {
  if (before === after) return "";
  const edits = compare(before.replace(/\n$/, "").split("\n"), after.replace(/\n$/, "").split("\n"));
  const near = edits.map((_, i) => edits.slice(Math.max(0, i - CONTEXT), i + CONTEXT + 1).some((edit) => edit.kind !== " "));
  const out = [];
  edits.forEach((edit, i) => {
    if (!near[i]) return;
    if (!near[i - 1]) out.push(`@@ -${edit.a + 1} +${edit.b + 1} @@`);
    out.push(edit.kind + edit.line);
  });
  return out.join("\n");
}

/** A longest common subsequence, between the common beginning and end. */
function compare(a, b) {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const [n, m] = [a.length - start - end, b.length - start - end];
  const edits = a.slice(0, start).map((line, i) => ({ kind: " ", line, a: i, b: i }));
  const wide = m + 1;
  const best = n * m <= PAIRS_MAX ? new Uint32Array((n + 1) * wide) : null;
  for (let i = n - 1; best && i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      best[i * wide + j] = a[start + i] === b[start + j] ? best[(i + 1) * wide + j + 1] + 1 : Math.max(best[(i + 1) * wide + j], best[i * wide + j + 1]);
    }
  }
  for (let i = 0, j = 0; i < n || j < m;) {
    const place = { a: start + i, b: start + j };
    if (best && i < n && j < m && a[start + i] === b[start + j]) { edits.push({ kind: " ", line: a[start + i], ...place }); i++; j++; }
    else if (i < n && (j >= m || !best || best[(i + 1) * wide + j] >= best[i * wide + j + 1])) { edits.push({ kind: "-", line: a[start + i], ...place }); i++; }
    else { edits.push({ kind: "+", line: b[start + j], ...place }); j++; }
  }
  for (let i = 0; i < end; i++) edits.push({ kind: " ", line: a[a.length - end + i], a: a.length - end + i, b: b.length - end + i });
  return edits;
}
