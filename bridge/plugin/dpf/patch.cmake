# Copies DPF's sources to a folder and changes what the plugin needs to be different. Each change must
# apply, so that another version of DPF is noticed.
#
#     cmake -DDPF=... -DOUT=... -P patch.cmake
file(REMOVE_RECURSE ${OUT})
file(COPY ${DPF}/distrho ${DPF}/dgl DESTINATION ${OUT})

function(change file from to)
  set(path ${OUT}/distrho/src/${file})
  file(READ ${path} text)
  string(FIND "${text}" "${from}" place)
  if(place EQUAL -1)
    message(FATAL_ERROR "${file} of DPF in ${DPF} is not the one that this plugin was made for: "
                        "it lacks `${from}`")
  endif()
  string(REPLACE "${from}" "${to}" text "${text}")
  file(WRITE ${path} "${text}")
endfunction()

# VST3 says whether a render is offline. DPF does not pass it on.
change(DistrhoPluginVST3.cpp "        // TODO process_mode can be V3_REALTIME, V3_PREFETCH, V3_OFFLINE"
       "        astfx_set_offline(fPlugin.getInstancePointer(), setup->process_mode == V3_OFFLINE);")
change(DistrhoPluginVST3.cpp "START_NAMESPACE_DISTRHO"
       "extern void astfx_set_offline(void*, bool);\n\nSTART_NAMESPACE_DISTRHO")

# So does CLAP, by its extension \"render\".
change(DistrhoPluginCLAP.cpp "static CLAP_ABI const void* clap_plugin_get_extension(const clap_plugin_t*, const char* const id)
{"
"static CLAP_ABI bool astfx_has_hard_realtime(const clap_plugin_t*) { return false; }
static CLAP_ABI bool astfx_render_set(const clap_plugin_t* const plugin, const int32_t mode)
{
    static_cast<PluginCLAP*>(plugin->plugin_data)->astfxSetOffline(mode == 1);
    return true;
}
static const struct {
    bool (CLAP_ABI *has_hard_realtime_requirement)(const clap_plugin_t*);
    bool (CLAP_ABI *set)(const clap_plugin_t*, int32_t);
} astfx_render = { astfx_has_hard_realtime, astfx_render_set };

static CLAP_ABI const void* clap_plugin_get_extension(const clap_plugin_t*, const char* const id)
{
    if (std::strcmp(id, \"clap.render\") == 0)
        return &astfx_render;")
change(DistrhoPluginCLAP.cpp "START_NAMESPACE_DISTRHO"
       "extern void astfx_set_offline(void*, bool);\n\nSTART_NAMESPACE_DISTRHO")
change(DistrhoPluginCLAP.cpp "class PluginCLAP : ClapEventQueue
{
public:"
"class PluginCLAP : ClapEventQueue
{
public:
    void astfxSetOffline(bool offline) { astfx_set_offline(fPlugin.getInstancePointer(), offline); }")

# A host of LV2 connects the ports of the parameters before it activates the plugin. DPF looks at them
# only when the first audio comes, which is too late to load a preset.
change(DistrhoPluginLV2.cpp "        fPlugin.activate();
    }

    void lv2_deactivate()"
"        for (uint32_t i=0, count=fPlugin.getParameterCount(); i < count; ++i)
        {
            float value;
            if (! getPortControlValue(i, value) || ! fPlugin.isParameterInput(i))
                continue;
            fLastControlValues[i] = value;
            fPlugin.setParameterValue(i, value);
        }
        fPlugin.activate();
    }

    void lv2_deactivate()")

# LV2 says so by a port, which hosts find by its designation.
change(DistrhoPluginLV2export.cpp "                // designation
                if (plugin.isParameterInput(i))"
"                if (plugin.getParameterSymbol(i) == \"lv2_freewheel\")
                    pluginString += \"        lv2:designation lv2:freeWheeling ;\\n\"
                                    \"        lv2:portProperty <\" LV2_PORT_PROPS__notOnGUI \"> ;\\n\";

                // designation
                if (plugin.isParameterInput(i))")

# A host of CLAP need not have the extension "latency". DPF calls it without a look.
change(DistrhoPluginCLAP.cpp "fHostExtensions.latency->changed(fHost);"
       "if (fHostExtensions.latency != nullptr) fHostExtensions.latency->changed(fHost);")

# Simple hosts of LV2 have neither options nor URIDs nor workers, nor ports for events. Nothing in the
# plugin needs them.
foreach(file DistrhoPluginLV2.cpp DistrhoPluginLV2export.cpp)
  change(${file} "#define DISTRHO_LV2_USE_EVENTS_IN  (DISTRHO_PLUGIN_WANT_MIDI_INPUT || DISTRHO_PLUGIN_WANT_TIMEPOS || DISTRHO_PLUGIN_WANT_STATE)"
         "#define DISTRHO_LV2_USE_EVENTS_IN 0")
  change(${file} "#define DISTRHO_LV2_USE_EVENTS_OUT (DISTRHO_PLUGIN_WANT_MIDI_OUTPUT || DISTRHO_PLUGIN_WANT_STATE)"
         "#define DISTRHO_LV2_USE_EVENTS_OUT 0")
endforeach()
change(DistrhoPluginLV2.cpp "#if DISTRHO_PLUGIN_WANT_STATE
        LV2_ATOM_SEQUENCE_FOREACH(fPortEventsIn, event)"
"#if DISTRHO_LV2_USE_EVENTS_IN
        LV2_ATOM_SEQUENCE_FOREACH(fPortEventsIn, event)")
change(DistrhoPluginLV2.cpp "#if DISTRHO_PLUGIN_WANT_STATE
        fEventsOutData.initIfNeeded"
"#if DISTRHO_LV2_USE_EVENTS_OUT
        fEventsOutData.initIfNeeded")
change(DistrhoPluginLV2export.cpp "    LV2_BUF_SIZE__boundedBlockLength,
    nullptr
};

static const char* const lv2ManifestPluginRequiredFeatures[] =
{
    \"opts:options\",
    LV2_URID__map,
#if DISTRHO_PLUGIN_WANT_STATE
    LV2_WORKER__schedule,
#endif"
"    LV2_BUF_SIZE__boundedBlockLength,
    \"opts:options\",
    LV2_URID__map,
    LV2_WORKER__schedule,
    nullptr
};

static const char* const lv2ManifestPluginRequiredFeatures[] =
{")
change(DistrhoPluginLV2.cpp "        d_stderr(\"Options feature missing, cannot continue!\");
        return nullptr;"
"        static const LV2_Options_Option none = {};
        options = &none;")
change(DistrhoPluginLV2.cpp "        d_stderr(\"URID Map feature missing, cannot continue!\");
        return nullptr;"
"        static const LV2_URID_Map own = { nullptr, [](LV2_URID_Map_Handle, const char* uri) { return astfx_urid(uri); } };
        uridMap = &own;")
change(DistrhoPluginLV2.cpp "        d_stderr(\"Worker feature missing, cannot continue!\");
        return nullptr;"
       "")
change(DistrhoPluginLV2.cpp "START_NAMESPACE_DISTRHO"
       "extern unsigned astfx_urid(const char*);
extern void astfx_wait_at_start(void*);

START_NAMESPACE_DISTRHO")

# So the window of LV2 must not count such ports or write to them.
change(DistrhoUIPrivateData.hpp "# if (DISTRHO_PLUGIN_WANT_MIDI_INPUT || DISTRHO_PLUGIN_WANT_TIMEPOS || DISTRHO_PLUGIN_WANT_STATE)"
       "# if 0")
change(DistrhoUIPrivateData.hpp "# if (DISTRHO_PLUGIN_WANT_MIDI_OUTPUT || DISTRHO_PLUGIN_WANT_STATE)"
       "# if 0")
change(DistrhoUILV2.cpp "       #if DISTRHO_PLUGIN_WANT_STATE
        // tell the DSP we're ready to receive msgs"
"       #if 0
        // tell the DSP we're ready to receive msgs")

# They also set the parameters only after they have activated the plugin. They are programs for files, so
# the plugin may wait in the first block until a preset is loaded.
change(DistrhoPluginLV2.cpp "    void lv2_activate()
    {"
"    void astfxWaitAtStart()
    {
        astfx_wait_at_start(fPlugin.getInstancePointer());
    }

    void lv2_activate()
    {")
change(DistrhoPluginLV2.cpp "        d_stderr(\"Host does not provide nominalBlockLength or maxBlockLength options\");
        d_nextBufferSize = 2048;"
"        simple = true;
        d_nextBufferSize = 2048;")
change(DistrhoPluginLV2.cpp "    bool usingNominal = false;"
       "    bool usingNominal = false, simple = false;")
change(DistrhoPluginLV2.cpp "    return new PluginLv2(sampleRate, uridMap, worker, ctrlInPortChangeReq, usingNominal);"
"    PluginLv2* const made = new PluginLv2(sampleRate, uridMap, worker, ctrlInPortChangeReq, usingNominal);
    if (simple)
        made->astfxWaitAtStart();
    return made;")

# A project that was cut off changes nothing. DPF uses what it has read before it has read the rest.
foreach(format CLAP VST3)
  change(DistrhoPlugin${format}.cpp "START_NAMESPACE_DISTRHO" "#include \"whole_state.hpp\"\n\nSTART_NAMESPACE_DISTRHO")
endforeach()
change(DistrhoPluginCLAP.cpp "        for (int32_t terminated = 0, read; terminated == 0;)
        {
            read = stream->read(stream, buffer, sizeof(buffer)-1);
            DISTRHO_SAFE_ASSERT_INT_RETURN(read >= 0, read, false);"
"        astfx::WholeState whole;
        for (int64_t n; (n = stream->read(stream, buffer, sizeof(buffer)-1)) != 0;)
            if (n < 0 || ! whole.add(buffer, static_cast<size_t>(n)))
                return false;
        if (! whole.is_whole())
            return false;

        for (int32_t terminated = 0, read; terminated == 0;)
        {
            read = whole.take(buffer, sizeof(buffer)-1);")
change(DistrhoPluginVST3.cpp "        v3_result res;

        for (int32_t terminated = 0, read; terminated == 0;)
        {
            read = -1;
            res = v3_cpp_obj(stream)->read(stream, buffer, sizeof(buffer)-1, &read);
            DISTRHO_SAFE_ASSERT_INT_RETURN(res == V3_OK, res, res);
            DISTRHO_SAFE_ASSERT_INT_RETURN(read > 0, read, V3_INTERNAL_ERR);"
"        astfx::WholeState whole;
        for (int32_t n = 0; v3_cpp_obj(stream)->read(stream, buffer, sizeof(buffer)-1, &n) == V3_OK && n > 0; n = 0)
            if (! whole.add(buffer, static_cast<size_t>(n)))
                return V3_INVALID_ARG;
        if (! whole.is_whole())
            return V3_INVALID_ARG;

        for (int32_t terminated = 0, read; terminated == 0;)
        {
            read = whole.take(buffer, sizeof(buffer)-1);")

# Copies are as old as their originals, but what is built from them must be built again.
file(TOUCH ${OUT}/distrho/DistrhoPluginMain.cpp)
