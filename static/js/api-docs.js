// Swagger UI on Nopal's OpenAPI document; calls made from it carry the CSRF token of the session.

const csrfToken = () => document.cookie.match(/(?:^|; )(?:__Host-)?nopal_csrf=([^;]*)/)?.[1] ?? "";

window.SwaggerUIBundle({
  url: document.getElementById("api-docs").dataset.url,
  dom_id: "#api-docs",
  deepLinking: true,
  validatorUrl: null,
  requestInterceptor: (request) => {
    request.headers["X-CSRFToken"] = csrfToken();
    return request;
  },
});
