"""What goes into a built ffmpeg: each profile's options for configure, and the packages needed."""

import re
import shutil
import subprocess

# Enough for the quick start and for what the tests and the live server do, in minutes.
_DEMO_PARTS = {
    "demuxer": """
        aac ac3 aiff apng ass avi concat data ffmetadata flac flv gif h264 hevc hls image2
        image2pipe image_*_pipe ivf live_flv matroska mjpeg mov mp3 mpegps mpegts
        mpegvideo nut ogg pcm_s16le rawvideo srt wav webvtt yuv4mpegpipe
    """,
    "muxer": """
        adts apng avi crc data ffmetadata fifo flac flv framecrc framehash framemd5 gif h264
        hash hls image2 image2pipe matroska md5 mjpeg mov mp3 mp4 mpegts mpjpeg null nut
        ogg pcm_s16le rawvideo segment stream_segment streamhash tee wav webm yuv4mpegpipe
    """,
    "decoder": """
        aac ac3 alac apng ass bmp dnxhd eac3 ffv1 ffvhuff flac flv gif h263 h264 hevc huffyuv
        mjpeg movtext mp2 mp3 mpeg1video mpeg2video mpeg4 opus pam pbm pcm_alaw pcm_f32le
        pcm_mulaw pcm_s16be pcm_s16le pcm_s24le pcm_s32le pcm_u8 pgm png ppm prores qtrle
        rawvideo srt ssa subrip theora tiff vorbis vp8 vp9 webp webvtt wrapped_avframe
    """,
    "encoder": """
        aac ac3 adpcm_swf alac apng ass bmp ffv1 ffvhuff flac flv gif libx264 libx264rgb
        mjpeg movtext mp2 mpeg2video mpeg4 pam
        pcm_f32le pcm_s16be pcm_s16le pgm png ppm prores_ks rawvideo subrip tiff webvtt
        wrapped_avframe
    """,
    "parser": """
        aac ac3 dnxhd flac gif h263 h264 hevc mjpeg mpeg4video mpegaudio mpegvideo opus
        png pnm vorbis vp8 vp9 webp
    """,
    "bsf": """
        aac_adtstoasc dump_extradata extract_extradata h264_mp4toannexb hevc_mp4toannexb
        null setts
    """,
    "protocol": """
        async cache concat concatf crypto data fd file hls http httpproxy md5 pipe rtmp
        rtmpt rtp subfile tcp tee udp unix
    """,
    "filter": """
        acopy afade aformat ainterleave aloop alphaextract alphamerge amerge ametadata
        amix anull anullsink anullsrc apad arealtime aresample aselect asendcmd
        asetnsamples asetpts asettb ashowinfo asplit atempo atrim avgblur blend boxblur
        channelmap channelsplit color colorbalance colorchannelmixer colorkey colorlevels
        colorspace concat convolution copy crop cropdetect curves deband decimate drawbox
        drawgrid edgedetect eq extractplanes fade fillborders format fps framerate
        framestep gblur geq gradients haldclut hflip histogram hstack hue identity
        interleave life loop lut lut3d lutrgb lutyuv mandelbrot maskedmerge mergeplanes
        metadata
        minterpolate mix negate noise null nullsink nullsrc overlay pad palettegen
        paletteuse perms pixdesctest psnr random realtime rgbtestsrc rotate scale
        scale2ref scdet segment select sendcmd separatefields setdar setfield setparams
        setpts setrange setsar settb showinfo sierpinski signalstats sine smptebars
        smptehdbars split ssim streamselect styletransfer swapuv testsrc testsrc2
        thumbnail tile tmix tpad transpose trim unsharp vflip vignette volume volumedetect
        vstack xfade xstack yadif yuvtestsrc zoompan
    """,
}

_COMMON = ("--enable-gpl", "--enable-libx264", "--enable-zlib", "--disable-debug")

# External libraries that the full profile takes when this machine has them: what pkg-config is
# asked for (with the highest version that a series wants), or the header of what it does not know.
_FULL_LIBRARIES = {
    "libaom": "aom >= 2.0.0",
    "libass": "libass >= 0.11.0",
    "libbluray": "libbluray",
    "libdav1d": "dav1d >= 1.0.0",
    "libfontconfig": "fontconfig",
    "libfreetype": "freetype2",
    "libfribidi": "fribidi",
    "libharfbuzz": "harfbuzz",
    "libjxl": "libjxl_threads >= 0.7.0",
    "libmp3lame": "lame/lame.h",
    "libopenjpeg": "libopenjp2 >= 2.1.0",
    "libopus": "opus",
    "libpulse": "libpulse",
    "librist": "librist >= 0.2.7",
    "librsvg": "librsvg-2.0 >= 2.52",
    "librubberband": "rubberband >= 1.8.1",
    "libsoxr": "soxr.h",
    "libspeex": "speex",
    "libsrt": "srt >= 1.3.0",
    "libssh": "libssh >= 0.6.0",
    "libsvtav1": "SvtAv1Enc >= 0.9.0",
    "libtheora": "theora/theoraenc.h",
    "libvidstab": "vidstab >= 0.98",
    "libvorbis": "vorbisenc",
    "libvpx": "vpx >= 1.4.0",
    "libwebp": "libwebpmux >= 0.4.0",
    "libx265": "x265 >= 3.0",
    "libxml2": "libxml-2.0",
    "libxvid": "xvid.h",
    "libzimg": "zimg >= 2.7.0",
    "libzmq": "libzmq >= 4.2.1",
}

PROFILES = ("demo", "full")

# What every build needs: (the program or pkg-config module looked for, Debian's package with it).
_PROGRAMS = {
    "gcc": "gcc",
    "make": "make",
    "patch": "patch",
    "nasm": "nasm",
    "pkg-config": "pkg-config",
}
_MODULES = {"x264": "libx264-dev", "zlib": "zlib1g-dev"}


def missing_packages():
    """Debian's names of the packages that a build needs and this machine lacks, as a list."""
    missing = [package for program, package in _PROGRAMS.items() if not shutil.which(program)]
    if not _compiles("#include <stdlib.h>"):
        missing.append("libc6-dev")
    return missing + [package for module, package in _MODULES.items() if not _has_module(module)]


def configure_options(profile):
    """The options of FFmpeg's configure for one of `PROFILES`, on this machine: a list of str."""
    if profile == "demo":
        return [
            *("--disable-everything", "--disable-autodetect", "--disable-doc", "--disable-ffplay"),
            *_COMMON,
            *("--enable-indev=lavfi", "--enable-outdev=v4l2"),
            *(f"--enable-{kind}={','.join(names.split())}" for kind, names in _DEMO_PARTS.items()),
        ]
    absent = absent_libraries(profile)
    libraries = [name for name in _FULL_LIBRARIES if name not in absent]
    return [*_COMMON, *(f"--enable-{name}" for name in libraries), *_tls_options()]


def absent_libraries(profile):
    """The external libraries that a profile would take and this machine lacks, as a list."""
    wanted = _FULL_LIBRARIES if profile == "full" else {}
    return [name for name, check in wanted.items() if not _is_installed(check)]


def unknown_libraries(profile, configure):
    """The external libraries of a profile that an old series' configure, as text, doesn't know."""
    wanted = _FULL_LIBRARIES if profile == "full" else {}
    return [name for name in wanted if not re.search(rf"^\s*{name}\s*$", configure, re.M)]


def _tls_options():
    """The library for https and rtmps. OpenSSL's licence goes with version 3 of the GPL only."""
    if _has_module("gnutls"):
        return ["--enable-gnutls"]
    return ["--enable-openssl", "--enable-version3"] if _has_module("openssl >= 3.0.0") else []


def _is_installed(check):
    return _compiles(f"#include <{check}>") if check.endswith(".h") else _has_module(check)


def _has_module(requirement):
    """Whether pkg-config has a module, such as "zlib" or "aom >= 2.0.0"."""
    return _succeeds(["pkg-config", "--exists", requirement])


def _compiles(code):
    return _succeeds(["gcc", "-E", "-x", "c", "-"], input=code.encode())


def _succeeds(command, **options):
    try:
        return subprocess.run(command, capture_output=True, **options).returncode == 0
    except FileNotFoundError:
        return False
