// The drawing of the network as a component of its own: Streamlit calls the default export with each picture.

export default function (component) {
  return mount(
    component,
    (parent) => new NetworkView(parent),
    (view, message) => {
      view.clicked = (name, unit) => component.setTriggerValue("clicked", [name, unit]);
      view.take(message);
    },
  );
}
