// The token that a request which changes something must carry (Django's CSRF protection).

export function csrfToken() { return document.cookie.match(/(?:^|; )(?:__Host-)?nopal_csrf=([^;]*)/)?.[1] ?? ""; }
