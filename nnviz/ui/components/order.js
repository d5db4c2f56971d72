// Before the script of each component: how its messages reach the one object that draws a mount and holds its state.
// What came while the script was still loading is handed over in no certain order, so something old may come after
// something new; `order.py` numbers all that it sends.

const mounts = new WeakMap(); // by parent element, so that every mount has its own

// For a default export: gives what is to be shown to `show(one, message)`, with the one that `make` has made for this
// mount. Something older than what is shown changes nothing. Where the mount is gone, `one.leave`, if any, is called.
function mount({ data, parentElement }, make, show) {
  if (!data) return;
  const { number, message } = opened(data);
  let mounted = mounts.get(parentElement);
  if (!mounted) mounts.set(parentElement, (mounted = { one: make(parentElement), newest: number }));
  if (number < mounted.newest) return;
  mounted.newest = number;
  show(mounted.one, message);
  const inDocument = parentElement.getRootNode().host ?? parentElement.host ?? parentElement;
  inDocument.closest?.("[data-testid^=stBidiComponent]")?.setAttribute("data-drawn", ""); // the page waits for it: shell.py
  return () => {
    if (parentElement.isConnected) return; // only something newer has come: the drawing goes on
    mounted.one.leave?.();
    mounts.delete(parentElement);
  };
}

// The number of a message, and the rest of it.
function opened(data) {
  const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
  if (!ArrayBuffer.isView(bytes)) return { number: data.number, message: data };
  return { number: new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true), message: bytes.subarray(8) };
}
