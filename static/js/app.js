// What every page behind the sign-in has: copying, ticking times, menus, dialogs, and the way to sockets.
import "./copy.js";
import "./dialogs.js";
import "./live.js";
import "./menus.js";
import "./time-ago.js";
