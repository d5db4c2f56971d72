// The canvas as a component of its own: Streamlit calls the default export with each answer.

export default function (component) {
  return mount(
    component,
    (parent) => new Sheet(parent),
    (sheet, message) => {
      sheet.sendPhoto = (photo) => component.setTriggerValue("photo", photo);
      sheet.receive(message, (value) => component.setStateValue("drawing", value));
    },
  );
}
