defmodule Chinwag.Config do
  @moduledoc false
  # What Elixir needs to know of the options; the core judges all others, and unknown ones.

  # Keys and cookies are among the options, and a state is shown when its process ends badly.
  @derive {Inspect, except: [:options]}
  @enforce_keys [:name, :shutdown, :leave_timeout, :handle_signals, :options]
  defstruct [:name, :shutdown, :leave_timeout, :handle_signals, :options]

  @shutdown 10_000
  @leave_timeout 5_000
  def new(options) when is_list(options) do
    {name, options} = Keyword.pop(options, :name)
    {shutdown, options} = Keyword.pop(options, :shutdown, @shutdown)
    {node, options} = Keyword.pop(options, :node, :none)
    node = if node == :none, do: [], else: [name: node]

    %__MODULE__{
      name: check_name!(name),
      shutdown: shutdown,
      leave_timeout: leave_timeout(shutdown),
      handle_signals: options[:handle_signals] in [true, "true"],
      options: for({key, value} <- node ++ options, do: {to_string(key), value})
    }
  end

  defp check_name!(name) when is_atom(name) and name not in [nil, true, false], do: name

  defp check_name!(name) do
    raise ArgumentError,
          "a Chinwag node needs name: an atom such as MyApp.Mesh, by which the application " <>
            "finds it; the member's own name is node:. Got: #{inspect(name)}"
  end

  defp leave_timeout(:brutal_kill), do: 0
  defp leave_timeout(:infinity), do: @leave_timeout
  defp leave_timeout(shutdown), do: min(@leave_timeout, div(shutdown, 2))
end
