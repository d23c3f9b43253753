defmodule Chinwag.RingNode do
  @moduledoc """
  A node of a `Chinwag.Ring`.

    * `name` - unique in the ring; 1 to 1,024 bytes
    * `weight` - its part of the keys, compared with those of the others; 1 to 65,535
    * `zone` - what fails together with it, such as a rack or a region; `nil` if nothing is known.
      Owners of a key are of different zones as long as there are enough.
  """

  @enforce_keys [:name]
  defstruct [:name, weight: 1, zone: nil]

  @type t :: %__MODULE__{name: String.t(), weight: 1..65_535, zone: String.t() | nil}
end
