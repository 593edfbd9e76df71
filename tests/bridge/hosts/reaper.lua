-- Enough of REAPER's API to run the ReaScript: lua reaper.lua SCRIPT FOLDER COMMAND PORT ITEMS CHOICE
-- CHOICE is the name of a preset, "last item", "file PATH" or "cancel NAME", which presses Escape
-- once the server has begun.
local script, folder, command, port, n_items, choice = table.unpack(arg)
local RATE, FRAMES, PEAK = 22050, 33075, 1.5
local saved, turns, items, contents = {}, {}, {}, 0
local keys, n_turns = {}, 0
local cancelled = choice:match("^cancel (.*)")
choice = cancelled or choice
if cancelled then FRAMES = 40 * FRAMES end -- so that it takes longer than to cancel it

for index = 1, tonumber(n_items) do
  items[index] = { name = "item " .. index, take = { name = "take " .. index } }
end

local function new_array(size)
  local values = {}
  return setmetatable({
    clear = function() for i = 1, size do values[i] = 0.0 end end,
    table = function() return values end,
  }, { __newindex = function(_, key, value) values[key] = value end })
end

-- The script removes what it has sent; the test wants to see it.
local remove = os.remove
os.remove = function(path)
  if path:match("%-content%.wav$") then
    contents = contents + 1
    return os.rename(path, folder .. "/sent-" .. contents .. ".wav")
  end
  return remove(path)
end

gfx = {
  w = 420, h = 90, x = 0, y = 0,
  init = function(title) print("WINDOW " .. title) end,
  quit = function() print("CLOSED") end,
  getchar = function() return table.remove(keys) or 0 end,
  set = function() end,
  rect = function() end,
  update = function() end,
  drawstr = function(text)
    print("SHOWN " .. text:match("[^\n]*"))
    if cancelled and text:match("rendering") then
      cancelled = nil
      keys[1] = 27
    end
  end,
  showmenu = function(text)
    local index = 0
    for label in text:gmatch("[^|]+") do
      index = index + 1
      if label == choice then return index end
      if choice == "last item" and label == "The last selected item" then return index end
      if choice:match("^file ") and label == "Sound file ..." then return index end
    end
    return 0
  end,
}

reaper = {
  new_array = new_array,
  ShowMessageBox = function(text) print("MESSAGE " .. text) end,
  CountSelectedMediaItems = function() return #items end,
  GetSelectedMediaItem = function(_, index) return items[index + 1] end,
  GetActiveTake = function(item) return item.take end,
  TakeIsMIDI = function() return false end,
  ValidatePtr = function(item, kind) assert(kind == "MediaItem*"); return item ~= nil end,
  GetExtState = function(_, key) return saved[key] or "" end,
  SetExtState = function(_, key, value) saved[key] = value end,
  GetOS = function() return "Other" end,
  time_precise = function() return os.clock() + 0.03 * n_turns end,
  defer = function(turn) turns[#turns + 1] = turn end,
  GetUserInputs = function(_, count, captions, _)
    print("ASKED " .. count .. " " .. captions)
    return true, table.concat({ "0.9", command, port }, "|")
  end,
  GetUserFileNameForRead = function() return true, choice:match("^file (.*)") end,
  GetProjectPath = function() return folder end,
  GetMediaItemTake_Source = function() return { "source" } end,
  GetMediaSourceSampleRate = function() return RATE end,
  GetMediaSourceNumChannels = function() return 1 end,
  GetMediaItemInfo_Value = function(_, key) assert(key == "D_LENGTH"); return FRAMES / RATE end,
  CreateTakeAudioAccessor = function() return { "accessor" } end,
  DestroyAudioAccessor = function() end,
  GetAudioAccessorSamples = function(_, rate, channels, start, count, buffer)
    assert(rate == RATE and channels == 1)
    for i = 1, count do
      buffer[i] = PEAK * math.sin(2 * math.pi * 330 * (start * rate + i - 1) / rate)
    end
    return 1
  end,
  ExecProcess = function(line, milliseconds)
    assert(milliseconds == -2, "REAPER must not wait")
    os.execute("( " .. line .. " ) >/dev/null 2>&1 &")
  end,
  Undo_BeginBlock = function() print("BEGIN") end,
  Undo_EndBlock = function(text) print("UNDO " .. text) end,
  AddTakeToMediaItem = function(item) return { item = item } end,
  PCM_Source_CreateFromFile = function(path) return path end,
  SetMediaItemTake_Source = function(take, path) take.path = path end,
  GetSetMediaItemTakeInfo_String = function(take, key, name)
    assert(key == "P_NAME")
    print("NAME " .. name)
  end,
  SetActiveTake = function(take) print("TAKE " .. take.item.name .. " " .. take.path) end,
  UpdateItemInProject = function() end,
  UpdateArrange = function() print("DONE") end,
  Main_OnCommand = function() end,
}
dofile(script)
while #turns > 0 do
  table.remove(turns, 1)()
  os.execute("sleep 0.03")
  n_turns = n_turns + 1
end
