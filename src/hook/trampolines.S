// The overloads of ov::Core::compile_model, and of read_model from a file, exported under OpenVINO's
// own names. Each asks larder_preload_target(number, core) where to go, and jumps there with its
// arguments as they came.
//
// Every argument of every overload is a pointer (references, `this`, and where the result goes) and
// there are six at most: all of them are in integer registers, and no others need saving.

#if defined(__x86_64__)

    .macro trampoline number, name
    .globl \name
    .type \name, @function
    .p2align 4
\name:
    .cfi_startproc
    endbr64
    // The result's address, `this`, and four more; the sixth push aligns the stack but for eight
    // bytes, as the return address is there too.
    pushq %rdi
    .cfi_adjust_cfa_offset 8
    pushq %rsi
    .cfi_adjust_cfa_offset 8
    pushq %rdx
    .cfi_adjust_cfa_offset 8
    pushq %rcx
    .cfi_adjust_cfa_offset 8
    pushq %r8
    .cfi_adjust_cfa_offset 8
    pushq %r9
    .cfi_adjust_cfa_offset 8
    subq $8, %rsp
    .cfi_adjust_cfa_offset 8
    movl $\number, %edi
    // rsi is `this` already.
    call larder_preload_target
    addq $8, %rsp
    .cfi_adjust_cfa_offset -8
    popq %r9
    .cfi_adjust_cfa_offset -8
    popq %r8
    .cfi_adjust_cfa_offset -8
    popq %rcx
    .cfi_adjust_cfa_offset -8
    popq %rdx
    .cfi_adjust_cfa_offset -8
    popq %rsi
    .cfi_adjust_cfa_offset -8
    popq %rdi
    .cfi_adjust_cfa_offset -8
    jmp *%rax
    .cfi_endproc
    .size \name, . - \name
    .endm

#elif defined(__aarch64__)

    .macro trampoline number, name
    .globl \name
    .type \name, %function
    .p2align 4
\name:
    .cfi_startproc
    hint #34  // bti c
    stp x29, x30, [sp, #-96]!
    .cfi_adjust_cfa_offset 96
    .cfi_rel_offset x29, 0
    .cfi_rel_offset x30, 8
    mov x29, sp
    stp x0, x1, [sp, #16]
    stp x2, x3, [sp, #32]
    stp x4, x5, [sp, #48]
    stp x6, x7, [sp, #64]
    str x8, [sp, #80]  // the result's address
    mov x1, x0         // `this`
    mov w0, #\number
    bl larder_preload_target
    mov x16, x0
    ldr x8, [sp, #80]
    ldp x6, x7, [sp, #64]
    ldp x4, x5, [sp, #48]
    ldp x2, x3, [sp, #32]
    ldp x0, x1, [sp, #16]
    ldp x29, x30, [sp], #96
    .cfi_restore x29
    .cfi_restore x30
    .cfi_adjust_cfa_offset -96
    br x16
    .cfi_endproc
    .size \name, . - \name
    .endm

#else
#error "no trampolines for this architecture"
#endif

    // The same names as text, one after the other, for looking up OpenVINO's own functions. They are
    // in the order of enum LarderEntryPoint, whose values are the numbers.
    .macro entry_point number, name
    .text
    trampoline \number, \name
    .section .rodata
    .asciz "\name"
    .endm

    .macro no_entry_point
    .section .rodata
    .asciz ""
    .endm

    .section .rodata
    .globl larder_preload_names
    .hidden larder_preload_names
larder_preload_names:
    entry_point 0, _ZN2ov4Core13compile_modelERKSt10shared_ptrIKNS_5ModelEERKSt3mapINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEENS_3AnyESt4lessISD_ESaISt4pairIKSD_SE_EEE
    entry_point 1, _ZN2ov4Core13compile_modelERKSt10shared_ptrIKNS_5ModelEERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEERKSt3mapISC_NS_3AnyESt4lessISC_ESaISt4pairISD_SG_EEE
    entry_point 2, _ZN2ov4Core13compile_modelERKNSt10filesystem7__cxx114pathERKSt3mapINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEENS_3AnyESt4lessISC_ESaISt4pairIKSC_SD_EEE
    entry_point 3, _ZN2ov4Core13compile_modelERKNSt10filesystem7__cxx114pathERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEERKSt3mapISB_NS_3AnyESt4lessISB_ESaISt4pairISC_SF_EEE
    entry_point 4, _ZN2ov4Core13compile_modelERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEERKSt3mapIS6_NS_3AnyESt4lessIS6_ESaISt4pairIS7_SA_EEE
    entry_point 5, _ZN2ov4Core13compile_modelERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEES8_RKSt3mapIS6_NS_3AnyESt4lessIS6_ESaISt4pairIS7_SA_EEE
    entry_point 6, _ZN2ov4Core13compile_modelERKNSt7__cxx1112basic_stringIwSt11char_traitsIwESaIwEEERKSt3mapINS2_IcS3_IcESaIcEEENS_3AnyESt4lessISC_ESaISt4pairIKSC_SD_EEE
    entry_point 7, _ZN2ov4Core13compile_modelERKNSt7__cxx1112basic_stringIwSt11char_traitsIwESaIwEEERKNS2_IcS3_IcESaIcEEERKSt3mapISB_NS_3AnyESt4lessISB_ESaISt4pairISC_SF_EEE
    entry_point 8, _ZN2ov4Core13compile_modelERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEERKNS_6TensorES8_RKSt3mapIS6_NS_3AnyESt4lessIS6_ESaISt4pairIS7_SD_EEE
    entry_point 9, _ZN2ov4Core13compile_modelERKSt10shared_ptrIKNS_5ModelEERKNS_13RemoteContextERKSt3mapINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEENS_3AnyESt4lessISG_ESaISt4pairIKSG_SH_EEE
    entry_point 10, _ZNK2ov4Core10read_modelERKNSt10filesystem7__cxx114pathES5_RKSt3mapINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEENS_3AnyESt4lessISC_ESaISt4pairIKSC_SD_EEE
    entry_point 11, _ZNK2ov4Core10read_modelERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEES8_RKSt3mapIS6_NS_3AnyESt4lessIS6_ESaISt4pairIS7_SA_EEE
    entry_point 12, _ZNK2ov4Core10read_modelERKNSt7__cxx1112basic_stringIwSt11char_traitsIwESaIwEEES8_RKSt3mapINS2_IcS3_IcESaIcEEENS_3AnyESt4lessISC_ESaISt4pairIKSC_SD_EEE

    // The names with the std::string of before GCC 5, as in the wheels up to 2025.4.1. The releases
    // of 2024 have a read_model without properties: it is not replaced.
    .section .rodata
    .globl larder_preload_old_names
    .hidden larder_preload_old_names
larder_preload_old_names:
    entry_point 0, _ZN2ov4Core13compile_modelERKSt10shared_ptrIKNS_5ModelEERKSt3mapISsNS_3AnyESt4lessISsESaISt4pairIKSsS8_EEE
    entry_point 1, _ZN2ov4Core13compile_modelERKSt10shared_ptrIKNS_5ModelEERKSsRKSt3mapISsNS_3AnyESt4lessISsESaISt4pairIS7_SA_EEE
    no_entry_point
    no_entry_point
    entry_point 4, _ZN2ov4Core13compile_modelERKSsRKSt3mapISsNS_3AnyESt4lessISsESaISt4pairIS1_S4_EEE
    entry_point 5, _ZN2ov4Core13compile_modelERKSsS2_RKSt3mapISsNS_3AnyESt4lessISsESaISt4pairIS1_S4_EEE
    entry_point 6, _ZN2ov4Core13compile_modelERKSbIwSt11char_traitsIwESaIwEERKSt3mapISsNS_3AnyESt4lessISsESaISt4pairIKSsS8_EEE
    entry_point 7, _ZN2ov4Core13compile_modelERKSbIwSt11char_traitsIwESaIwEERKSsRKSt3mapISsNS_3AnyESt4lessISsESaISt4pairIS7_SA_EEE
    entry_point 8, _ZN2ov4Core13compile_modelERKSsRKNS_6TensorES2_RKSt3mapISsNS_3AnyESt4lessISsESaISt4pairIS1_S7_EEE
    entry_point 9, _ZN2ov4Core13compile_modelERKSt10shared_ptrIKNS_5ModelEERKNS_13RemoteContextERKSt3mapISsNS_3AnyESt4lessISsESaISt4pairIKSsSB_EEE
    no_entry_point
    entry_point 11, _ZNK2ov4Core10read_modelERKSsS2_RKSt3mapISsNS_3AnyESt4lessISsESaISt4pairIS1_S4_EEE
    entry_point 12, _ZNK2ov4Core10read_modelERKSbIwSt11char_traitsIwESaIwEES6_RKSt3mapISsNS_3AnyESt4lessISsESaISt4pairIKSsS8_EEE

    // No code on the stack: without this note the loader would allow it in every program.
    .section .note.GNU-stack, "", %progbits
