-- Enough of REAPER's API to run the ReaScript: lua reaper.lua SCRIPT FOLDER COMMAND PORT
local script, folder, command, port = arg[1], arg[2], arg[3], arg[4]
local RATE, FRAMES = 22050, 33075
local saved = {}
local item, take, new_take, source = { "item" }, { "take" }, { "new take" }, nil

local function new_array(size)
  local values = {}
  return setmetatable({
    clear = function() for i = 1, size do values[i] = 0.0 end end,
    table = function() return values end,
  }, { __newindex = function(_, key, value) values[key] = value end })
end

reaper = {
  new_array = new_array,
  ShowMessageBox = function(text) print("MESSAGE " .. text) end,
  GetSelectedMediaItem = function() return item end,
  GetActiveTake = function() return take end,
  TakeIsMIDI = function() return false end,
  GetExtState = function(_, key) return saved[key] or "" end,
  SetExtState = function(_, key, value) saved[key] = value end,
  GetUserInputs = function(_, count, captions, _)
    print("ASKED " .. count .. " " .. captions)
    return true, table.concat({ "style.wav", "0.9", command, port }, "|")
  end,
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
      buffer[i] = 0.4 * math.sin(2 * math.pi * 330 * (start * rate + i - 1) / rate)
    end
    return 1
  end,
  ExecProcess = function(line)
    local pipe = io.popen(line .. " 2>&1")
    local text = pipe:read("a")
    local _, _, code = pipe:close()
    print("EXIT " .. tostring(code))
    return tostring(code) .. "\n" .. text
  end,
  Undo_BeginBlock = function() end,
  Undo_EndBlock = function(text) print("UNDO " .. text) end,
  AddTakeToMediaItem = function(it) assert(it == item); return new_take end,
  PCM_Source_CreateFromFile = function(path) return path end,
  SetMediaItemTake_Source = function(it, path) assert(it == new_take); source = path end,
  GetSetMediaItemTakeInfo_String = function(it, key, name) print("NAME " .. name) end,
  SetActiveTake = function(it) assert(it == new_take) end,
  UpdateItemInProject = function() end,
  UpdateArrange = function() print("TAKE " .. tostring(source)) end,
  Main_OnCommand = function() end,
}
dofile(script)
