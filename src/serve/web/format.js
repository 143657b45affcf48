// Numbers and times, as people read them.

const sizes = ["B", "kB", "MB", "GB", "TB", "PB"];

// "4.29 GB": three significant digits, decimal units, as the command line has it.
export function size(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < sizes.length - 1) {
    value /= 1000;
    unit += 1;
  }
  if (unit === 0) return `${bytes} B`;
  return `${value.toPrecision(3)} ${sizes[unit]}`;
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

// "54 ms", "3.42 s", "2 h 05 min"
export function duration(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 100) return `${seconds.toPrecision(3)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(Math.round(seconds % 60)).padStart(2, "0")} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

// "5 min ago"
export function ago(time) {
  if (time === null) return "never";
  const seconds = Math.max(0, (Date.now() - Date.parse(time)) / 1000);
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

export function moment(time) {
  return time === null ? "never" : new Date(time).toLocaleString("en-GB", {
    dateStyle: "medium", timeStyle: "short",
  });
}

export function percent(part, whole) {
  if (whole === 0) return "0 %";
  const value = (100 * part) / whole;
  return `${value < 10 && value > 0 ? value.toFixed(1) : Math.round(value)} %`;
}

// The name of a model: its file, or its folder if the file has the name that exporters give to
// all models.
export function modelName(path) {
  const parts = path.split("/").filter(Boolean);
  const file = parts.pop() ?? path;
  const isGeneric = /^(openvino_)?(language_)?(saved_)?model\.\w+$/.test(file);
  return isGeneric && parts.length > 0 ? parts.pop() : file;
}

export function folder(path) {
  const at = path.lastIndexOf("/");
  return at > 0 ? path.slice(0, at) : "";
}

export const shortKey = (key) => key.slice(0, 12);
