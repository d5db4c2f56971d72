// Before the script of each component: what came while it was still loading is handed over in no certain order, so
// something old may come after something new; `order.py` numbers all that it sends.

const newest = new WeakMap(); // numbers by parent element

// What is to be shown: `data` without its number, or null if something newer has been shown already.
function inOrder(parentElement, data) {
  if (!data) return null;
  const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : ArrayBuffer.isView(data) ? data : null;
  const number = bytes ? new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true) : data.number;
  if (number < newest.get(parentElement)) return null;
  newest.set(parentElement, number);
  return bytes ? bytes.subarray(8) : data;
}
