
// For anywidget: what the attributes of the element say stands in the model, each under its name.
const ATTRIBUTES = ["figure", "lang", "theme", "preset", "state", "live", "edition", "height"];

export default {
  render({ model, el }) {
    const figure = document.createElement("gradviz-figure");
    for (const name of ATTRIBUTES) {
      const text = model.get(name);
      if (text !== undefined && text !== null) figure.setAttribute(name, text);
    }
    el.append(figure);
    return () => figure.remove();
  },
};
