-- astfx: render the selected items in the texture of another sound, each onto a new take.
--
-- What lies between the edges of each item is sent, before effects, to a running `astfx serve`. The
-- program `astfx send` does this in the background, so REAPER stays usable. It takes the request
-- from a file and writes the replies to another, which this script looks at again and again.
-- All new takes are added in one step that can be undone.

local SECTION = "astfx"
local TITLE = "astfx"
local BLOCK_FRAMES = 65536
local PACKED_AT_ONCE = 200 -- string.pack takes no more arguments than the Lua stack holds
local TURN_SECONDS = 0.02 -- longest work between two turns of REAPER
local START_SECONDS = 60 -- longest wait for the program to start
local CANCEL_SECONDS = 10 -- longest wait for a job to be cancelled
local ESCAPE, CLOSED = 27, -1
local BACKGROUND = -2 -- for ExecProcess: do not wait, and show no window

local window = { title = TITLE, text = "", fraction = 0, cancelled = false }

local function tell(message)
  reaper.ShowMessageBox(message, TITLE, 0)
end

-- A word for the command line. Only paths and numbers come here; the rest travels in files.
local function quoted(word)
  word = tostring(word)
  if reaper.GetOS():match("^Win") then return '"' .. word:gsub('"', "") .. '"' end
  return '"' .. word:gsub('[\\"$`]', "\\%0") .. '"'
end

-- Give REAPER its turn. Everything that follows happens in a later turn.
local function pause()
  coroutine.yield()
end

local function draw()
  local char = gfx.getchar()
  if char == ESCAPE or char == CLOSED then window.cancelled = true end
  gfx.set(0.9, 0.9, 0.9)
  gfx.x, gfx.y = 12, 12
  gfx.drawstr(window.text .. "\n" .. (window.cancelled and "Cancelling ..." or "Esc cancels"))
  gfx.rect(12, 60, gfx.w - 24, 14, 0)
  gfx.rect(12, 60, (gfx.w - 24) * window.fraction, 14, 1)
  gfx.update()
end

local function show(text, fraction)
  window.text, window.fraction = text, fraction or 0
end

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

local function write(path, text)
  local file = io.open(path, "wb")
  if not file then return false end
  file:write(text)
  file:close()
  return true
end

-- Start `astfx send` with a request. Returns the path of the replies.
local function send(asked, name, words, options)
  local request, replies = name .. "-request.txt", name .. "-replies.txt"
  os.remove(replies)
  if not write(request, table.concat(words, "\n")) then return nil, "Cannot write " .. request end
  local line = { quoted(asked.command), "send", "--port", quoted(asked.port), "--request",
    quoted(request), "--replies", quoted(replies) }
  for _, option in ipairs(options or {}) do line[#line + 1] = quoted(option) end
  reaper.ExecProcess(table.concat(line, " "), BACKGROUND)
  return replies, request
end

-- What the server said last, in its own words.
local function reason_of(text)
  local failed = text:match("error ([^\n]*)") or text:match('/astfx/fail %S+ %S+ "([^\n]*)"')
  return failed or text:match("/astfx/fail %S+ %S+ ([^\n]*)") or "No answer came."
end

-- Wait for a request to end. Returns its replies, and why it failed if it did.
local function wait(asked, name, words, options, on_text, on_cancel)
  local replies, request = send(asked, name, words, options)
  if not replies then return nil, request end
  local began, cancelled_at = reaper.time_precise(), nil
  local text, failed = "", nil
  while true do
    pause()
    local now = reaper.time_precise()
    text = read(replies) or ""
    local code = text:match("exit (%d+)%s*$")
    if code then
      if code ~= "0" then failed = reason_of(text) end
      break
    end
    if text == "" and not read(replies) and now - began > START_SECONDS then
      failed = "The program '" .. asked.command .. "' did not start. Put its full path into the "
        .. "dialog (in a terminal, `which astfx` shows it)."
      break
    end
    if window.cancelled and not cancelled_at then
      cancelled_at = now
      if on_cancel then on_cancel() end
    end
    if cancelled_at and (not on_cancel or now - cancelled_at > CANCEL_SECONDS) then
      failed = "cancelled"
      break
    end
    if on_text then on_text(text) end
  end
  os.remove(request)
  os.remove(replies)
  return text, failed
end

-- 32-bit float WAV of a take, between the item's edges, before effects. Peaks are kept as they are.
local function write_wav(path, entry)
  local source = reaper.GetMediaItemTake_Source(entry.take)
  local rate = reaper.GetMediaSourceSampleRate(source)
  if rate < 1 then rate = 48000 end
  local channels = math.max(1, math.min(2, reaper.GetMediaSourceNumChannels(source)))
  local length = reaper.GetMediaItemInfo_Value(entry.item, "D_LENGTH")
  local frames = math.floor(length * rate + 0.5)
  local file = io.open(path, "wb")
  if not file then return false end
  local bytes = frames * channels * 4
  file:write("RIFF", string.pack("<I4", 50 + bytes), "WAVEfmt ",
    string.pack("<I4I2I2I4I4I2I2I2", 18, 3, channels, rate, rate * channels * 4, channels * 4, 32, 0),
    "fact", string.pack("<I4I4", 4, frames), "data", string.pack("<I4", bytes))
  local accessor = reaper.CreateTakeAudioAccessor(entry.take)
  local done, turn = 0, reaper.time_precise()
  while done < frames and not window.cancelled do
    local count = math.min(BLOCK_FRAMES, frames - done)
    local buffer = reaper.new_array(count * channels)
    buffer.clear()
    reaper.GetAudioAccessorSamples(accessor, rate, channels, done / rate, count, buffer)
    local values = buffer.table()
    for first = 1, #values, PACKED_AT_ONCE do
      local last = math.min(#values, first + PACKED_AT_ONCE - 1)
      local format = "<" .. ("f"):rep(last - first + 1)
      file:write(string.pack(format, table.unpack(values, first, last)))
      if reaper.time_precise() - turn > TURN_SECONDS then
        pause()
        turn = reaper.time_precise()
      end
    end
    done = done + count
  end
  reaper.DestroyAudioAccessor(accessor)
  file:close()
  return not window.cancelled
end

local function remembered(key, default)
  local value = reaper.GetExtState(SECTION, key)
  return value ~= "" and value or default
end

local function ask()
  local keys = { "strength", "command", "port" }
  local defaults = { "1.0", "astfx", "9101" }
  local values = {}
  for index, key in ipairs(keys) do values[index] = remembered(key, defaults[index]) end
  local ok, answer = reaper.GetUserInputs(TITLE, #keys,
    "Strength (0 to 1),Program astfx,Port,extrawidth=200,separator=|", table.concat(values, "|"))
  if not ok then return nil end
  local given, index = {}, 1
  for value in (answer .. "|"):gmatch("([^|]*)|") do
    given[keys[index]] = value
    index = index + 1
    if index > #keys then break end
  end
  local port = tonumber(given.port)
  if not port or port ~= math.floor(port) or port < 1 or port > 65535 then
    tell("The port must be a whole number from 1 to 65535, not '" .. tostring(given.port) .. "'.")
    return nil
  end
  if not tonumber(given.strength) then
    tell("The strength must be a number from 0 to 1, not '" .. tostring(given.strength) .. "'.")
    return nil
  end
  for key, value in pairs(given) do reaper.SetExtState(SECTION, key, value, true) end
  return given
end

-- The names of all presets on the server, page by page.
local function presets(asked, name)
  local names, count = {}, 1
  while #names < count do
    local text, failed = wait(asked, name, { "/astfx/presets", tostring(#names) })
    if failed then return nil, failed end
    local total, page = text:match("/astfx/presets (%d+) %d+ ?([^\n]*)")
    count = tonumber(total) or 0
    local before = #names
    for word in (page or ""):gmatch("%S+") do names[#names + 1] = word end
    if #names == before then break end
  end
  return names
end

-- Let the user choose a style. Returns its name, a path or an entry; nil if nothing is chosen.
local function choose(names, entries)
  local labels = { "Sound file ..." }
  labels[2] = (#entries > 1 and "" or "#") .. "The last selected item"
  gfx.x, gfx.y = 12, 12
  local chosen = gfx.showmenu(table.concat(labels, "|") .. "||" .. table.concat(names, "|"))
  if chosen == 1 then
    local ok, path = reaper.GetUserFileNameForRead("", "Style", "")
    return ok and { path = path, label = path:match("[^/\\]*$") } or nil
  end
  if chosen == 2 then return { entry = entries[#entries], label = "the last selected item" } end
  local name = names[chosen - 2]
  return name and { name = name, label = name } or nil
end

local function selected_entries()
  local entries = {}
  for index = 0, reaper.CountSelectedMediaItems(0) - 1 do
    local item = reaper.GetSelectedMediaItem(0, index)
    local take = item and reaper.GetActiveTake(item)
    if take and not reaper.TakeIsMIDI(take) then
      entries[#entries + 1] = { item = item, take = take }
    end
  end
  return entries
end

-- Render one entry. Returns the path of the result, or nil and the reason.
local function render(asked, entry, style, name, place)
  local content, output = name .. "-content.wav", name .. ".wav"
  show(place .. ": reading the item")
  if not write_wav(content, entry) then
    os.remove(content)
    return nil, window.cancelled and "cancelled" or "Cannot write to " .. content
  end
  local id = "reaper-" .. name:match("[^/\\]*$")
  local words = { "/astfx/render/blob", id, "@" .. content, "style", style, "strength",
    asked.strength }
  local _, failed = wait(asked, name, words, { "--save", output },
    function(text)
      local fraction = 0
      for value in text:gmatch("/astfx/progress %S+ (%S+)") do fraction = tonumber(value) or 0 end
      show(place .. (text == "" and ": waiting" or ": rendering"), fraction)
    end,
    function()
      show(place)
      send(asked, name .. "-cancel", { "/astfx/cancel", id })
    end)
  os.remove(content)
  if failed then return nil, failed end
  if not read(output) then return nil, "The result is not in " .. output end
  return output
end

local function add_takes(results, failures)
  local kept = {}
  for _, result in ipairs(results) do
    if reaper.ValidatePtr(result.item, "MediaItem*") then
      kept[#kept + 1] = result
    else
      failures[#failures + 1] = "An item was deleted. Its result is in " .. result.path
    end
  end
  if #kept == 0 then return end
  reaper.Undo_BeginBlock()
  for _, result in ipairs(kept) do
    local take = reaper.AddTakeToMediaItem(result.item)
    reaper.SetMediaItemTake_Source(take, reaper.PCM_Source_CreateFromFile(result.path))
    reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", "astfx: " .. result.label, true)
    reaper.SetActiveTake(take)
    reaper.UpdateItemInProject(result.item)
  end
  reaper.Main_OnCommand(40047, 0) -- build missing peaks
  reaper.Undo_EndBlock("astfx: render items", -1)
  reaper.UpdateArrange()
end

local function main()
  local entries = selected_entries()
  if #entries == 0 then return tell("Select one or more audio items first.") end
  local asked = ask()
  if not asked then return end
  local stem = reaper.GetProjectPath("") .. "/astfx-" .. os.date("%Y%m%d-%H%M%S") .. "-"
    .. math.random(1000, 9999)
  gfx.init(TITLE, 420, 90)
  window.open = true

  show("Asking the server for its presets")
  local names, failed = presets(asked, stem)
  if not names then
    if not window.cancelled then tell(failed) end
    return
  end
  show("Choose a style")
  local style = choose(names, entries)
  if not style then return end
  local sent = style.name
  if style.path then
    -- Other formats than these two can be read only where the server may read files itself.
    local travels = style.path:lower():match("%.wav$") or style.path:lower():match("%.flac$")
    sent = (travels and "@" or "") .. style.path
  end
  if style.entry then
    sent = "@" .. stem .. "-style.wav"
    table.remove(entries)
    show("Reading the style")
    if not write_wav(stem .. "-style.wav", style.entry) then
      os.remove(stem .. "-style.wav")
      if not window.cancelled then tell("Cannot write to " .. stem .. "-style.wav") end
      return
    end
  end

  local results, failures = {}, {}
  for index, entry in ipairs(entries) do
    if window.cancelled then break end
    local place = "Item " .. index .. " of " .. #entries
    local path, why = render(asked, entry, sent, stem .. "-" .. index, place)
    if path then
      results[#results + 1] = { item = entry.item, path = path, label = style.label }
    elseif not window.cancelled then
      failures[#failures + 1] = place .. ": " .. why
    end
  end
  if style.entry then os.remove(stem .. "-style.wav") end
  add_takes(results, failures)
  if #failures > 0 then tell(table.concat(failures, "\n")) end
end

local running = coroutine.create(main)

local function turn()
  if window.open then draw() end
  local ok, message = coroutine.resume(running)
  if not ok then tell("The script has an error: " .. tostring(message)) end
  if ok and coroutine.status(running) ~= "dead" then
    reaper.defer(turn)
  elseif window.open then
    gfx.quit()
  end
end

turn()
