// <api-picture>: a picture that is larger than its window opens at what is marked in it, routes before all else.

class ApiPicture extends HTMLElement {
  connectedCallback() {
    const marked = [...this.querySelectorAll(".node:is(.is-added, .is-changed, .is-removed)")];
    const first = marked.find((node) => node.matches(".node-route")) ?? marked[0];
    if (!first) return;
    const [window, node] = [this.getBoundingClientRect(), first.getBoundingClientRect()];
    // Not so far that what leads to it would be out of sight.
    if (node.right > window.right) this.scrollLeft += node.left - window.left - MARGIN;
    if (node.bottom > window.bottom) this.scrollTop += node.top - window.top - MARGIN;
  }
}

const MARGIN = 48;

customElements.define("api-picture", ApiPicture);
