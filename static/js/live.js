// Data that comes through an element's `hx-ws:connect` socket, and what happens when the session behind it ends.

const ENDED = 4401;

/** Call `handler(data)` for each frame of data that comes to `element` through its socket; HTML frames are htmx's. */
export function onLive(element, handler) {
  element.addEventListener("htmx:ws:before:message:incoming", (event) => {
    if (event.target !== element) return;
    event.detail.waitUntil(event.detail.message.json().then((data) => {
      if (data.content === undefined) handler(data);
    }));
  });
}

document.addEventListener("htmx:ws:close", (event) => {
  if (event.detail.code === ENDED) location.reload();
});
