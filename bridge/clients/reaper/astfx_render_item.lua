-- astfx: render the selected item in the texture of another sound, onto a new take.
--
-- Reads what lies between the item's edges, before effects, sends it to a running `astfx serve`
-- through `astfx send`, and adds the result as a new active take.

local SECTION = "astfx"
local BLOCK_FRAMES = 65536

local function fail(message)
  reaper.ShowMessageBox(message, "astfx", 0)
end

local function quoted(text)
  return '"' .. tostring(text):gsub('"', "") .. '"'
end

-- 24-bit WAV of a take, between the item's edges, before effects.
local function write_wav(path, take, item)
  local source = reaper.GetMediaItemTake_Source(take)
  local rate = reaper.GetMediaSourceSampleRate(source)
  if rate < 1 then rate = 48000 end
  local channels = math.max(1, math.min(2, reaper.GetMediaSourceNumChannels(source)))
  local length = reaper.GetMediaItemInfo_Value(item, "D_LENGTH")
  local frames = math.floor(length * rate + 0.5)
  local file = io.open(path, "wb")
  if not file then return nil end
  local bytes = frames * channels * 3
  file:write("RIFF", string.pack("<I4", 36 + bytes), "WAVEfmt ",
    string.pack("<I4I2I2I4I4I2I2", 16, 1, channels, rate, rate * channels * 3, channels * 3, 24),
    "data", string.pack("<I4", bytes))
  local accessor = reaper.CreateTakeAudioAccessor(take)
  local done = 0
  while done < frames do
    local count = math.min(BLOCK_FRAMES, frames - done)
    local buffer = reaper.new_array(count * channels)
    buffer.clear()
    reaper.GetAudioAccessorSamples(accessor, rate, channels, done / rate, count, buffer)
    local values, parts = buffer.table(), {}
    for index = 1, count * channels do
      local value = math.max(-1.0, math.min(1.0, values[index]))
      parts[index] = string.pack("<i3", math.floor(value * 8388607 + 0.5))
    end
    file:write(table.concat(parts))
    done = done + count
  end
  reaper.DestroyAudioAccessor(accessor)
  file:close()
  return path
end

local function remembered(key, default)
  local value = reaper.GetExtState(SECTION, key)
  return value ~= "" and value or default
end

local function ask()
  local keys = { "style", "strength", "command", "port" }
  local defaults = { "rain.wav", "1.0", "astfx", "9101" }
  local values = {}
  for index, key in ipairs(keys) do values[index] = remembered(key, defaults[index]) end
  local ok, answer = reaper.GetUserInputs("astfx", #keys,
    "Style (path or preset),Strength (0 to 1),Command astfx,Port,extrawidth=200,separator=|",
    table.concat(values, "|"))
  if not ok then return nil end
  local given, index = {}, 1
  for value in (answer .. "|"):gmatch("([^|]*)|") do
    given[keys[index]] = value
    reaper.SetExtState(SECTION, keys[index], value, true)
    index = index + 1
    if index > #keys then break end
  end
  return given
end

local function main()
  local item = reaper.GetSelectedMediaItem(0, 0)
  local take = item and reaper.GetActiveTake(item)
  if not take or reaper.TakeIsMIDI(take) then return fail("Select an audio item first.") end
  local asked = ask()
  if not asked then return end

  local folder = reaper.GetProjectPath("")
  local name = folder .. "/astfx-" .. os.date("%Y%m%d-%H%M%S") .. "-" .. math.random(1000, 9999)
  local content, output = name .. "-content.wav", name .. ".wav"
  if not write_wav(content, take, item) then return fail("Cannot write to " .. folder) end

  local command = table.concat({
    quoted(asked.command), "send", "--port", asked.port, "--save", quoted(output),
    "/astfx/render/blob", "0", quoted("@" .. content),
    "style", quoted(asked.style), "strength", asked.strength,
  }, " ")
  local result = reaper.ExecProcess(command, 0) or ""
  os.remove(content)
  local written = io.open(output, "rb")
  if not written then
    local reason = result:match('/astfx/fail [^\n]*') or result
    return fail("No result. Is `astfx serve` running?\n\n" .. reason)
  end
  written:close()

  reaper.Undo_BeginBlock()
  local new_take = reaper.AddTakeToMediaItem(item)
  reaper.SetMediaItemTake_Source(new_take, reaper.PCM_Source_CreateFromFile(output))
  reaper.GetSetMediaItemTakeInfo_String(new_take, "P_NAME", "astfx: " .. asked.style, true)
  reaper.SetActiveTake(new_take)
  reaper.UpdateItemInProject(item)
  reaper.Main_OnCommand(40047, 0) -- build missing peaks
  reaper.Undo_EndBlock("astfx: render item", -1)
  reaper.UpdateArrange()
end

main()
