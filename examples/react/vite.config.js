import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Parley's addresses are served here, too: one origin, so nothing has to be allowed on the server.
const target = process.env.PARLEY_URL ?? "http://127.0.0.1:8000";
const proxy = {
  "/api": target,
  "/graphql": target,
  "/socket.io": { target, ws: true },
};

export default defineConfig({ plugins: [react()], server: { proxy }, preview: { proxy } });
