# The Elixir agent: speaks the protocol of tests/agents/README.md through the public interface.

defmodule ChinwagAgent.Line do
  def parse(line) do
    [word | pairs] = String.split(line, " ")
    {word, Map.new(pairs, &pair/1)}
  end

  defp pair(text) do
    [key, value] = String.split(text, "=", parts: 2)
    {unescape(key), value}
  end

  def list(text), do: text |> String.split(",", trim: true) |> Enum.map(&unescape/1)

  def unescape(text) do
    Regex.replace(~r/%([0-9A-Fa-f]{2})/, text, fn _, hex -> Base.decode16!(hex, case: :mixed) end)
  end

  def format(word, pairs) do
    Enum.join([word | Enum.map(pairs, &pair_text/1)], " ")
  end

  defp pair_text({key, {:list, items}}), do: "#{key}=#{Enum.map_join(items, ",", &escape/1)}"
  defp pair_text({key, value}), do: "#{escape(to_string(key))}=#{escape(to_string(value))}"

  defp escape(text) do
    for <<byte <- text>>, into: "" do
      if byte in ?a..?z or byte in ?A..?Z or byte in ?0..?9 or byte in ~c"_.:/-",
        do: <<byte>>,
        else: "%" <> Base.encode16(<<byte>>)
    end
  end

  # One request to the output device a line, so lines never mix.
  def put(line), do: IO.binwrite([line, ?\n])
end

defmodule ChinwagAgent.Commands do
  @moduledoc "What an agent can be told to do: each answers with its lines, the final one last."

  alias Chinwag.{Ring, Streams}
  alias ChinwagAgent.{Counter, Line, Maps}

  @mesh ChinwagAgent.Mesh

  def perform(word, pairs) do
    command(word, pairs)
  rescue
    error in Chinwag.Error -> [failed(error)]
  end

  defp command("version", _) do
    ok(version: Application.spec(:chinwag, :vsn), runtime: "elixir")
  end

  defp command("start", pairs) do
    keys = [node: "name", bind: "bind", profile: "profile"]
    given = for {key, name} <- keys, text = pairs[name], do: {key, Line.unescape(text)}
    lists = [seeds: Line.list(pairs["seeds"] || "")] ++ tags_option(tagged(pairs))
    options = for {"opt." <> key, text} <- pairs, do: {String.to_atom(key), Line.unescape(text)}

    case Chinwag.start_link([name: @mesh] ++ given ++ lists ++ options) do
      {:ok, _pid} -> ok(addr: Chinwag.local_member(@mesh).addr)
      {:error, %Chinwag.Error{} = error} -> [failed(error)]
      {:error, {:already_started, _}} -> bad_request("a node is open")
    end
  end

  defp command("subscribe", pairs) do
    topics = if pairs["rings"] == "true", do: [:members, :ring], else: :members
    settle(Chinwag.subscribe(@mesh, topics, replay: pairs["replay"] == "true", seq: true))
  end

  defp command("members", _) do
    members = Chinwag.members(@mesh)
    Enum.map(members, &Line.format("member", facts(&1))) ++ ok(count: length(members))
  end

  defp command("local", _), do: ok(facts(Chinwag.local_member(@mesh)))

  defp command("join", pairs) do
    with_value(Chinwag.join(@mesh, Line.list(pairs["seeds"] || "")), &ok(contacted: &1))
  end

  defp command("update_tags", pairs) do
    removed = for {"untag." <> key, _} <- pairs, do: {key, nil}
    settle(Chinwag.update_tags(@mesh, tagged(pairs) ++ removed))
  end

  defp command("leave", pairs) do
    settle(Chinwag.leave(@mesh, String.to_integer(Map.get(pairs, "timeout_ms", "5000"))))
  end

  defp command("close", _), do: settle(Chinwag.close(@mesh))

  defp command("send", pairs) do
    options = [reliable: pairs["reliable"] != "false"]
    settle(Chinwag.send(@mesh, text(pairs, "to"), payload(pairs), options))
  end

  defp command("broadcast", pairs) do
    name = pairs["name"] && text(pairs, "name")
    options = [name: name, supersede: pairs["supersede"] == "true"]
    settle(Chinwag.broadcast(@mesh, payload(pairs), options))
  end

  defp command("set_state", pairs), do: settle(Chinwag.set_state(@mesh, payload(pairs)))

  defp command("set_ping_payload", pairs),
    do: settle(Chinwag.set_ping_payload(@mesh, payload(pairs)))

  defp command("ping", pairs) do
    with_value(Chinwag.ping(@mesh, text(pairs, "member")), &ok(us: round(&1 * 1000)))
  end

  defp command("round_trip", pairs) do
    with_value(Chinwag.round_trip(@mesh, text(pairs, "member")), fn told ->
      known = if told.smoothed, do: [us: round(told.smoothed * 1000)], else: []
      ok(known ++ [payload: told.payload])
    end)
  end

  defp command("user_event", pairs) do
    options = [coalesce: pairs["coalesce"] == "true"]
    settle(Chinwag.user_event(@mesh, text(pairs, "name"), payload(pairs), options))
  end

  defp command("query", pairs) do
    options = for text <- List.wrap(pairs["timeout_ms"]), do: {:timeout, String.to_integer(text)}

    with_value(Chinwag.query(@mesh, text(pairs, "name"), payload(pairs), options), fn told ->
      lines =
        for %{sender: sender, payload: payload} <- told.responses do
          Line.format("response", sender: sender, payload: payload)
        end

      lines ++ ok(count: length(lines), complete: told.complete)
    end)
  end

  defp command("respond", pairs), do: settle(Chinwag.respond(@mesh, id(pairs), payload(pairs)))
  defp command("admit", pairs), do: settle(Chinwag.admit(@mesh, id(pairs)))

  defp command("refuse", pairs),
    do: settle(Chinwag.refuse(@mesh, id(pairs), text(pairs, "reason")))

  defp command("keys", _), do: ok(count: length(Chinwag.keys(@mesh)))
  defp command("add_key", pairs), do: settle(Chinwag.add_key(@mesh, text(pairs, "key")))
  defp command("use_key", pairs), do: settle(Chinwag.use_key(@mesh, text(pairs, "key")))
  defp command("remove_key", pairs), do: settle(Chinwag.remove_key(@mesh, text(pairs, "key")))

  defp command("cluster_keys", pairs) do
    op = String.to_atom(text(pairs, "op"))
    key = pairs["key"] && text(pairs, "key")

    with_value(Chinwag.cluster_keys(@mesh, op, key), fn outcomes ->
      lines =
        for {name, told} <- outcomes do
          Line.format("keyring", name: name, done: told.done, keys: length(told.keys))
        end

      lines ++ ok(count: length(lines))
    end)
  end

  defp command("ring", _), do: ok(ring_facts(Chinwag.ring(@mesh)))

  defp command("owners", pairs) do
    owners = Chinwag.owners(@mesh, text(pairs, "key"), String.to_integer(pairs["count"]))
    Enum.map(owners, &Line.format("owner", name: &1.name)) ++ ok(count: length(owners))
  end

  defp command("owns", pairs), do: ok(owns: Chinwag.owns?(@mesh, text(pairs, "key")))

  defp command("set_ring_overrides", pairs) do
    pins = for {"pin." <> key, name} <- pairs, do: {key, Line.unescape(name)}
    prefixes = for {"pin_prefix." <> key, name} <- pairs, do: {key, Line.unescape(name)}
    overrides = [excluded: Line.list(pairs["excluded"] || ""), pins: pins, pin_prefixes: prefixes]
    settle(Chinwag.set_ring_overrides(@mesh, overrides))
  end

  defp command("released", pairs), do: settle(Chinwag.released(@mesh, id(pairs)))

  defp command("serve", pairs),
    do: with_value(Counter.serve(@mesh, text(pairs, "name")), fn _server -> ["ok"] end)

  defp command("stop", pairs),
    do: settle(Chinwag.Server.stop({@mesh, text(pairs, "name")}, text(pairs, "reason")))

  defp command("monitor", pairs) do
    monitor = Chinwag.monitor(@mesh, text(pairs, "target"))
    Process.put(monitor, text(pairs, "id"))
    ["ok"]
  end

  defp command("demonitor", pairs) do
    for monitor <- Process.get_keys(text(pairs, "id")), do: Chinwag.demonitor(monitor, [:flush])
    ["ok"]
  end

  defp command("call", pairs) do
    headers = for name <- [Counter.trace()], pairs[name], do: {name, text(pairs, name)}
    options = numbers(pairs, timeout: "timeout_ms") ++ [headers: headers]
    answer = Chinwag.call(@mesh, text(pairs, "target"), text(pairs, "op"), value(pairs), options)
    with_value(answer, &ok(value: Counter.format(&1)))
  end

  defp command("stream", pairs) do
    options = numbers(pairs, timeout: "timeout_ms")
    op = text(pairs, "op")
    items = (pairs["items"] || "") |> Line.list() |> Enum.map(&Counter.parse/1)

    with {:ok, stream} <- Streams.open(@mesh, text(pairs, "target"), op, value(pairs), options),
         _ = spawn(fn -> send_items(stream, items) end) do
      told(stream)
    else
      {:error, error} -> [failed(error)]
    end
  end

  defp command("cast", pairs),
    do: settle(Chinwag.cast(@mesh, text(pairs, "target"), text(pairs, "op"), value(pairs)))

  defp command("multi_call", pairs) do
    options = numbers(pairs, timeout: "timeout_ms", min_ok: "min_ok")
    server = text(pairs, "server")

    with_value(Chinwag.multi_call(@mesh, server, text(pairs, "op"), value(pairs), options), fn
      {replies, failed} ->
        Enum.map(replies, fn {node, value} ->
          Line.format("reply", node: node, value: Counter.format(value))
        end) ++
          Enum.map(failed, fn {node, error} ->
            Line.format("failed", node: node, code: error.code)
          end) ++ ok(count: map_size(replies))
    end)
  end

  defp command("abcast", pairs) do
    told = Chinwag.abcast(@mesh, text(pairs, "server"), text(pairs, "op"), value(pairs))
    with_value(told, &ok(count: &1))
  end

  defp command("servers", _) do
    servers = Chinwag.servers(@mesh)

    Enum.map(servers, fn {name, hosts} -> Line.format("server", name: name, hosts: hosts) end) ++
      ok(count: map_size(servers))
  end

  defp command("subscribe_topic", pairs),
    do: settle(Chinwag.subscribe(@mesh, {:topic, text(pairs, "topic")}, queue(pairs)))

  defp command("unsubscribe_topic", pairs),
    do: settle(Chinwag.unsubscribe(@mesh, {:topic, text(pairs, "topic")}, queue(pairs)))

  defp command("publish", pairs),
    do: with_value(Chinwag.publish(@mesh, text(pairs, "topic"), value(pairs)), &ok(count: &1))

  defp command("topics", _) do
    topics = Chinwag.topics(@mesh)

    for({name, members} <- topics, do: Line.format("topic", name: name, members: members)) ++
      ok(count: map_size(topics))
  end

  defp command("put", pairs) do
    settle(Chinwag.put(@mesh, text(pairs, "key"), payload(pairs), numbers(pairs, ttl: "ttl_ms")))
  end

  defp command("delete", pairs), do: settle(Chinwag.delete(@mesh, text(pairs, "key")))

  defp command("get", pairs) do
    value = Chinwag.get(@mesh, text(pairs, "member"), text(pairs, "key"))
    ok(if value, do: [payload: value], else: [])
  end

  defp command("entries", pairs) do
    entries = Chinwag.entries(@mesh, text(pairs, "prefix"))
    Enum.map(entries, &Line.format("entry", entry(&1))) ++ ok(count: length(entries))
  end

  defp command("watch", pairs) do
    options = [replay: pairs["replay"] == "true"]
    with_value(Chinwag.watch(@mesh, text(pairs, "prefix"), options), fn _watch -> ["ok"] end)
  end

  defp command("loop_state", pairs) do
    state = Chinwag.loop_state(@mesh, text(pairs, "member"))
    ok(if state, do: [state: state], else: [])
  end

  defp command("block", pairs) do
    node = Process.whereis(@mesh)
    :sys.suspend(node)
    spawn(fn -> Process.sleep(String.to_integer(pairs["ms"])) && :sys.resume(node) end)
    ["ok"]
  end

  defp command("counter", pairs),
    do: ok(value: Chinwag.stats(@mesh)[String.to_existing_atom(text(pairs, "name"))])

  defp command("map_" <> _ = word, pairs) do
    case Maps.command(word, @mesh, pairs) do
      lines when is_list(lines) -> lines
      told -> settle(told)
    end
  end

  defp command(_, _), do: ["unsupported"]

  # Why a server is down, in the words of all languages.
  def down(:noproc, _member), do: [reason: "no_server"]
  def down(:normal, _member), do: [reason: "stopped", text: ""]
  def down({word, text}, _member), do: [reason: word, text: text]

  def down(:noconnection, member) do
    case member && Chinwag.member(@mesh, member) do
      %{state: :left} -> [reason: "node_left"]
      _ -> [reason: "node_failed"]
    end
  rescue
    _ in Chinwag.Error -> [reason: "closed"]
  end

  def entry(entry), do: [member: entry.member, key: entry.key, payload: entry.value]

  defp queue(pairs), do: if(pairs["queue"], do: [queue: text(pairs, "queue")], else: [])

  # Until the other side reads no more: the end of the call says why.
  defp send_items(stream, items) do
    _ = Enum.find(items, &(Chinwag.send_item(stream, &1) != :ok))
    Streams.finish(stream)
  end

  defp told(stream) do
    case Streams.next(stream) do
      {:item, value} -> [Line.format("item", value: Counter.format(value)) | told(stream)]
      {:answer, value} -> ok(value: Counter.format(value))
      {:error, error} -> [failed(error)]
    end
  end

  defp value(pairs), do: pairs |> text("value") |> Counter.parse()

  defp numbers(pairs, keys) do
    for {key, name} <- keys, text = pairs[name], do: {key, String.to_integer(text)}
  end

  # Which ring it is, and what is the same for all who have it.
  def ring_facts(ring) do
    digits = ring |> Ring.fingerprint() |> Integer.to_string(16) |> String.downcase()
    fingerprint = String.pad_leading(digits, 16, "0")
    [version: Ring.version(ring), size: Ring.size(ring), fingerprint: fingerprint]
  end

  defp text(pairs, key), do: Line.unescape(pairs[key] || "")
  defp id(pairs), do: String.to_integer(pairs["id"])

  defp payload(pairs) do
    times = String.to_integer(pairs["repeat"] || "1")
    :binary.copy(text(pairs, "payload"), times)
  end

  defp with_value({:ok, value}, lines), do: lines.(value)
  defp with_value({:error, error}, _lines), do: [failed(error)]

  def facts(member) do
    [name: member.name, addr: member.addr, state: member.state] ++ tags("tag.", member)
  end

  def tags(prefix, member), do: for({key, value} <- member.tags, do: {prefix <> key, value})

  def bad_request(text), do: [Line.format("error", code: "bad_request", message: text)]

  # Given, they would exclude meta.
  defp tags_option([]), do: []
  defp tags_option(tags), do: [tags: tags]

  defp tagged(pairs), do: for({"tag." <> key, text} <- pairs, do: {key, Line.unescape(text)})
  defp ok(pairs), do: [Line.format("ok", pairs)]
  defp settle(:ok), do: ["ok"]
  defp settle({:error, error}), do: [failed(error)]

  defp failed(error) do
    told = Map.take(error, [:code, :message, :maybe_executed])
    Line.format("error", Map.to_list(told))
  end
end

defmodule ChinwagAgent.Events do
  @moduledoc "The subscriber: prints each event, and re-enters the library when told to."
  use GenServer

  alias ChinwagAgent.{Commands, Counter, Line, Maps}

  def start_link, do: GenServer.start_link(__MODULE__, nil)
  # What begins here is told here.
  def perform(pid, word, pairs), do: GenServer.call(pid, {:perform, word, pairs})
  def reenter(pid, pairs), do: GenServer.call(pid, {:reenter, pairs})

  @impl true
  def init(nil), do: {:ok, nil}

  @impl true
  def handle_call({:perform, word, pairs}, _from, reenter) do
    {:reply, Commands.perform(word, pairs), reenter}
  end

  def handle_call({:reenter, pairs}, _from, _reenter), do: {:reply, ["ok"], pairs}

  @impl true
  def handle_info({:chinwag, _mesh, event, seq}, reenter) do
    {type, pairs} = describe(event)
    Line.put(Line.format("event", [type: type, seq: seq] ++ pairs))

    again? = reenter["on"] == type
    if again?, do: reenter(Map.merge(reenter, number(pairs)))
    {:noreply, if(again?, do: nil, else: reenter)}
  end

  def handle_info({:chinwag, _mesh, {:message, topic, value, meta}}, reenter) do
    told = [topic: topic, from: meta.sender, queue: meta.queue || "", missed: meta.missed]
    Line.put(Line.format("published", told ++ [value: Counter.format(value)]))
    {:noreply, reenter}
  end

  def handle_info({:chinwag, _mesh, {:watch, ref, change}}, reenter) do
    map = Maps.watched(ref)
    told = if map, do: [map: map] ++ Maps.changed(change), else: changed(change)
    Line.put(Line.format("watched", told))
    {:noreply, reenter}
  end

  def handle_info({:DOWN, monitor, :process, {server, member}, reason}, reenter) do
    whom =
      [id: Process.get(monitor), server: server] ++ if(member, do: [member: member], else: [])

    Line.put(Line.format("down", whom ++ Commands.down(reason, member)))
    {:noreply, reenter}
  end

  defp changed({:put, entry}), do: [type: "put"] ++ Commands.entry(entry)
  defp changed({:deleted, member, key}), do: [type: "deleted", member: member, key: key]
  defp changed({:lost, count, _entries}), do: [type: "lost", count: count]
  defp changed(:replay_done), do: [type: "replay-done"]

  defp number(pairs), do: for({:id, id} <- pairs, into: %{}, do: {"id", to_string(id)})

  defp reenter(%{"do" => word} = pairs) do
    case word |> Commands.perform(pairs) |> List.last() |> Line.parse() do
      {"ok", _} -> Line.put(Line.format("reentered", do: word, ok: true))
      {_, error} -> Line.put(Line.format("reentered", do: word, ok: false, code: error["code"]))
    end
  end

  defp describe({:events_lost, count, _members}), do: {"events-lost", [count: count]}

  defp describe({:warning, %{code: code, subject: subject}}) do
    {"warning", [code: token(code), subject: subject]}
  end

  defp describe({:admission, %{id: id, member: member}}) do
    {"admission", [id: id] ++ Commands.facts(member)}
  end

  defp describe({:member_conflict, member, addr}) do
    {"member-conflict", Commands.facts(member) ++ [other: addr]}
  end

  defp describe({:ring_change, change}), do: {"ring-change", Commands.ring_facts(change.after)}

  defp describe({type, %{peer: peer, slots: slots} = told}) do
    known = for key <- [:id, :clean], is_map_key(told, key), do: {key, told[key]}
    {token(type), [peer: peer, slots: length(slots)] ++ known}
  end

  defp describe({type, %{payload: payload} = told}) do
    known = for key <- [:id, :sender, :addr, :name, :reliable], is_map_key(told, key), do: key
    {token(type), Enum.map(known, &{&1, told[&1]}) ++ digest(payload)}
  end

  defp describe({type, member}), do: {token(type), Commands.facts(member)}

  defp describe({type, member, previous}) do
    {token(type), Commands.facts(member) ++ Commands.tags("prev_tag.", previous)}
  end

  defp describe(type), do: {token(type), []}

  # The bytes of a short payload; the length and checksum of a longer one.
  defp digest(payload) when byte_size(payload) <= 1024, do: [payload: payload]

  defp digest(payload) do
    sum = payload |> :erlang.crc32() |> Integer.to_string(16) |> String.downcase()
    [length: byte_size(payload), crc32: String.pad_leading(sum, 8, "0")]
  end

  defp token(type), do: type |> to_string() |> String.replace("_", "-")
end

defmodule ChinwagAgent.Main do
  alias ChinwagAgent.{Commands, Events, Line}

  # What is followed by lines that come at any time.
  @told ~w(subscribe subscribe_topic unsubscribe_topic watch map_watch monitor demonitor)

  def run do
    {:ok, _} = Application.ensure_all_started(:chinwag)
    Process.flag(:trap_exit, true)
    :io.setopts(:standard_io, encoding: :latin1)
    {:ok, events} = Events.start_link()
    loop(events)
    Chinwag.close(ChinwagAgent.Mesh)
  end

  defp loop(events) do
    with line when is_binary(line) <- IO.binread(:stdio, :line),
         line when line != "exit" <- String.trim_trailing(line, "\n") do
      Enum.each(answer(line, events), &Line.put/1)
      loop(events)
    end
  end

  defp answer(line, events) do
    case Line.parse(line) do
      {word, pairs} when word in @told -> Events.perform(events, word, pairs)
      {"reenter", pairs} -> Events.reenter(events, pairs)
      {word, pairs} -> Commands.perform(word, pairs)
    end
  rescue
    error in [MatchError, ArgumentError] -> Commands.bad_request(Exception.message(error))
  end
end
