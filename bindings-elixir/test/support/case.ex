defmodule Chinwag.Case do
  @moduledoc "Starts real nodes on loopback, in this VM or in one of their own."
  use ExUnit.CaseTemplate

  using do
    quote do
      import Chinwag.Case
      alias Chinwag.{Error, Member}
    end
  end

  @fast [
    bind: "127.0.0.1:0",
    profile: :local,
    probe_interval: 100,
    probe_timeout: 50,
    gossip_interval: 20,
    suspicion_mult: 2,
    tcp_timeout: 10_000
  ]

  @doc "Options of a node that notices a failure within a second or two."
  def options(mesh, options \\ []) do
    node = mesh |> inspect() |> String.split(".") |> List.last() |> String.downcase()
    [name: mesh, node: node] |> Keyword.merge(@fast) |> Keyword.merge(options)
  end

  @doc "A supervised node; its address."
  def node!(mesh, options \\ []) do
    start_supervised!({Chinwag, options(mesh, options)})
    addr(mesh)
  end

  @doc "Two supervised nodes that know each other."
  def pair!(a, b, options \\ []) do
    seed = node!(a, options)
    node!(b, [seeds: [seed]] ++ options)
    eventually(fn -> length(Chinwag.members(a)) == 2 end)
  end

  def addr(mesh), do: Chinwag.local_member(mesh).addr

  @doc """
  An address on loopback that no other test has, in this VM or in another program, so that a node
  can come back to it: a port that is given back may be anybody's connection a moment later.
  """
  def address do
    own = System.unique_integer([:positive, :monotonic])
    pid = String.to_integer(System.pid())
    high = rem(div(pid, 256), 254) + 1
    "127.#{high}.#{rem(pid, 256)}.#{rem(own, 254) + 1}:7946"
  end

  @doc "Waits until the condition holds; fails when it has not within the limit."
  def eventually(condition, limit \\ 10_000) do
    wait(condition, System.monotonic_time(:millisecond) + limit)
  end

  defp wait(condition, deadline) do
    result = condition.()

    cond do
      result -> result
      System.monotonic_time(:millisecond) > deadline -> flunk("the condition never held")
      true -> Process.sleep(5) && wait(condition, deadline)
    end
  end

  @doc "Collects messages until one matches; all of them, in order."
  def collect_until(last?, collected \\ []) do
    receive do
      message ->
        if last?.(message),
          do: Enum.reverse([message | collected]),
          else: collect_until(last?, [message | collected])
    after
      10_000 ->
        flunk("the last message never came; before it: #{inspect(Enum.reverse(collected))}")
    end
  end

  @doc "A VM of its own that runs `code`, which prints its pid as soon as it is ready."
  def vm!(code, options \\ []) do
    elixir = System.find_executable("elixir")
    ebin = Application.app_dir(:chinwag, "ebin")
    arguments = Keyword.get(options, :arguments, []) ++ ["-pa", ebin, "-e", code]

    port =
      Port.open({:spawn_executable, elixir}, [
        :binary,
        :exit_status,
        :stderr_to_stdout,
        args: arguments
      ])

    {os_pid, rest} = pid_printed(port, "")
    on_exit(fn -> System.cmd("kill", ["-9", os_pid], stderr_to_stdout: true) end)
    %{port: port, os_pid: os_pid, output: rest}
  end

  defp pid_printed(port, output) do
    case Regex.run(~r/pid (\d+)\n(.*)/s, output, capture: :all_but_first) do
      [os_pid, rest] -> {os_pid, rest}
      nil -> pid_printed(port, output <> printed!(port, output))
    end
  end

  defp printed!(port, before) do
    receive do
      {^port, {:data, more}} -> more
      {^port, {:exit_status, status}} -> flunk("the VM ended with #{status}: #{before}")
    after
      20_000 -> flunk("the VM is not ready: #{before}")
    end
  end

  @doc "Waits for the end of a VM: its exit status and what it printed after its pid."
  def ended(%{port: port, output: output} = vm) do
    receive do
      {^port, {:data, more}} -> ended(%{vm | output: output <> more})
      {^port, {:exit_status, status}} -> {status, output}
    after
      20_000 -> flunk("the VM does not end: #{output}")
    end
  end

  def signal(%{os_pid: os_pid}, signal) do
    {_, 0} = System.cmd("kill", ["-#{signal}", os_pid])
    :ok
  end

  @doc "Code that starts a node next to `seed` with these options, and prints the pid."
  def member_code(seed, options \\ []) do
    options = options(Outside, [node: "outside", seeds: [seed]] ++ options)

    """
    {:ok, _} = Application.ensure_all_started(:chinwag)
    {:ok, node} = Chinwag.start_link(#{inspect(options)})
    true = is_pid(node)
    IO.puts("pid " <> System.pid())
    """
  end
end
