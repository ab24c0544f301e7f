import { createElement, useEffect, useState } from "react";

/** A page of Next.js. It sends "hello" over the WebSocket of the custom server, and shows the answer. */
export default function Page() {
  const [answer, setAnswer] = useState("connecting");
  useEffect(() => {
    const socket = new WebSocket(`ws://${location.host}/socket${location.search}`);
    socket.onopen = () => socket.send("hello");
    socket.onmessage = ({ data }) => setAnswer(data);
    return () => socket.close();
  }, []);
  return createElement("p", { id: "answer" }, answer);
}
