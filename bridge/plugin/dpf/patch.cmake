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
