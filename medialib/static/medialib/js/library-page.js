// The library page with modules.
import "./more-pages.js";
