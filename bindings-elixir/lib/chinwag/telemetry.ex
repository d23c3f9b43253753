defmodule Chinwag.Telemetry do
  @moduledoc """
  Events for `:telemetry`, when the application has it.

    * `[:chinwag, :member, :join]`, and likewise `:leave`, `:failed`, `:update`, `:suspect` and
      `:recover`, `:reap`, `:move` and `:conflict`, with `%{count: 1, seq: number}` and
      `%{mesh: name, member: member}`; `:update` and `:move` have `previous` too, `:conflict` has
      the `addr` of the other one
    * `[:chinwag, :message]`, `[:chinwag, :broadcast]` and `[:chinwag, :remote_state]`, with
      `%{count: 1, seq: number, bytes: size}` and `%{mesh: name, sender: name}`
    * `[:chinwag, :user_event]` and `[:chinwag, :query]`, with the same measurements and
      `%{mesh: name, name: name}`, `:query` with `sender` too
    * `[:chinwag, :admission]`, with `%{count: 1, seq: number}` and `%{mesh: name, member: member}`
    * `[:chinwag, :warning]`, with `%{count: 1, seq: number}` and
      `%{mesh: name, code: code, subject: subject, text: text}`
    * `[:chinwag, :ring, :change]`, with `%{count: 1, seq: number}` and
      `%{mesh: name, change: change}`
    * `[:chinwag, :handoff, :prepare]` and `[:chinwag, :handoff, :acquired]`, with
      `%{count: 1, seq: number, slots: how_many}` and `%{mesh: name, peer: name, epoch: epoch}`;
      `:prepare` has the `id` and `timeout` too, `:acquired` has `clean`
    * `[:chinwag, :events, :lost]`, with `%{count: lost, seq: number}` and `%{mesh: name}`
    * `[:chinwag, :operation, :stop]`, with `%{duration: native_time}` and
      `%{mesh: name, operation: :join, result: :ok}`; `result` may be the code of an error

    * `[:chinwag, :call, :start]`, with `%{system_time: time, monotonic_time: time}` and
      `%{mesh: name, target: target, op: op}`, and `[:chinwag, :call, :stop]`, with
      `%{duration: native_time, monotonic_time: time}` and the same and `result`; `:exception` in
      place of `:stop`, with `kind`, `reason` and `stacktrace`, where the call raised

  All but those of operations and calls are emitted by the node's own process, they by the caller.
  """

  alias Chinwag.Error

  @doc false
  def used?, do: function_exported?(:telemetry, :execute, 3)

  @doc false
  def event(mesh, seq, {:events_lost, count, _members}) do
    execute([:chinwag, :events, :lost], %{count: count, seq: seq}, %{mesh: mesh})
  end

  def event(mesh, seq, {:warning, warning}) do
    execute([:chinwag, :warning], %{count: 1, seq: seq}, Map.put(warning, :mesh, mesh))
  end

  def event(mesh, seq, {:admission, %{member: member}}) do
    execute([:chinwag, :admission], %{count: 1, seq: seq}, %{mesh: mesh, member: member})
  end

  def event(mesh, seq, {:ring_change, change}) do
    execute([:chinwag, :ring, :change], %{count: 1, seq: seq}, %{mesh: mesh, change: change})
  end

  def event(mesh, seq, {type, %{slots: slots} = told}) do
    measurements = %{count: 1, seq: seq, slots: length(slots)}
    metadata = told |> Map.delete(:slots) |> Map.put(:mesh, mesh)
    execute([:chinwag, :handoff, short(type)], measurements, metadata)
  end

  def event(mesh, seq, {type, %{payload: payload} = told}) do
    measurements = %{count: 1, seq: seq, bytes: byte_size(payload)}
    execute([:chinwag, type], measurements, Map.put(said(type, told), :mesh, mesh))
  end

  def event(mesh, seq, {:member_conflict, member, addr}) do
    metadata = %{mesh: mesh, member: member, addr: addr}
    execute([:chinwag, :member, :conflict], %{count: 1, seq: seq}, metadata)
  end

  def event(mesh, seq, {type, member}) do
    execute([:chinwag, :member, short(type)], %{count: 1, seq: seq}, %{mesh: mesh, member: member})
  end

  def event(mesh, seq, {type, member, previous}) do
    metadata = %{mesh: mesh, member: member, previous: previous}
    execute([:chinwag, :member, short(type)], %{count: 1, seq: seq}, metadata)
  end

  defp said(:user_event, told), do: Map.take(told, [:name])
  defp said(:query, told), do: Map.take(told, [:name, :sender])
  defp said(_type, told), do: Map.take(told, [:sender])

  @doc false
  def operation(mesh, name, fun) do
    start = System.monotonic_time()
    outcome = fun.()
    metadata = %{mesh: mesh, operation: name, result: result(outcome)}
    duration = System.monotonic_time() - start
    execute([:chinwag, :operation, :stop], %{duration: duration}, metadata)
    outcome
  end

  @doc false
  def call(mesh, target, op, fun) do
    if used?(), do: span(%{mesh: mesh, target: target, op: op}, fun), else: fun.()
  end

  defp span(metadata, fun) do
    start = System.monotonic_time()
    begun = %{system_time: System.system_time(), monotonic_time: start}
    execute([:chinwag, :call, :start], begun, metadata)

    try do
      fun.()
    catch
      kind, reason ->
        told = %{kind: kind, reason: reason, stacktrace: __STACKTRACE__}
        execute([:chinwag, :call, :exception], since(start), Map.merge(metadata, told))
        :erlang.raise(kind, reason, __STACKTRACE__)
    else
      outcome ->
        metadata = Map.put(metadata, :result, result(outcome))
        execute([:chinwag, :call, :stop], since(start), metadata)
        outcome
    end
  end

  defp since(start) do
    now = System.monotonic_time()
    %{duration: now - start, monotonic_time: now}
  end

  for {type, _number} <- Chinwag.Constants.events() do
    defp short(unquote(type)),
      do: unquote(type |> to_string() |> String.split("_") |> List.last() |> String.to_atom())
  end

  defp result({:error, %Error{code: code}}), do: code
  defp result(_outcome), do: :ok

  defp execute(event, measurements, metadata) do
    if used?() do
      apply(:telemetry, :execute, [event, measurements, metadata])
    end

    :ok
  end
end
